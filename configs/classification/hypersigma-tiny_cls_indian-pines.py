# A HyperSIGMA that two CPU cores train from scratch in a few minutes.
_base_ = [
    '../_base_/models/hypersigma-base_cls.py',
    '../_base_/datasets/indian-pines_cls_tiny.py',
    '../_base_/schedules/scratch_tiny.py',
    '../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=dict(
        num_bands=_base_.num_bands,
        num_classes=_base_.num_classes,
        batch_augments=dict(augments=[dict(type='mmpretrain.Mixup', alpha=0.2)]),
    ),
    backbone=dict(
        spatial=dict(
            arch='tiny',
            out_indices=(0, 1),
            img_size=_base_.window_size,
            patch_size=2,
            in_channels=_base_.num_bands,
            num_points=4,
        ),
        spectral=dict(arch='tiny', out_indices=(1,), img_size=_base_.window_size, num_tokens=25, num_points=4),
    ),
    neck=dict(in_channels=64, num_tokens=25, spectral_channels=64, mid_channels=64, out_channels=64, scales=(1, 1)),
    head=dict(
        in_channels=(64, 64),
        hidden_channels=(128, 64),
        num_classes=_base_.num_classes,
        loss=dict(
            type='mmpretrain.LabelSmoothLoss', label_smooth_val=0.1, mode='original', num_classes=_base_.num_classes
        ),
    ),
)
