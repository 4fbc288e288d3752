# One tiny encoder for scenes of seven sensors: masked modelling, and contrast of neighbours and of labelled classes.
_base_ = [
    '../_base_/models/spat-mae-base.py',
    '../_base_/datasets/many-sensors_mae_tiny.py',
    '../_base_/schedules/mae_tiny.py',
    '../_base_/pretrain_runtime.py',
]

size = 3  # pixels that the network sees, each with the mean around it
model = dict(
    data_preprocessor=dict(_delete_=True, type='BagDataPreprocessor', num_bands=_base_.num_bands, size=size),
    backbone=dict(
        arch=dict(
            _delete_=True, embed_dims=64, num_layers=2, num_heads=4, feedforward_channels=128, full_attn_interval=1
        ),
        img_size=size,
        patch_size=1,
        in_channels=_base_.num_bands,
        mask_ratio=0.6,
        drop_path_rate=0.0,
    ),
    neck=dict(embed_dims=64, num_layers=1, num_heads=4),
    head=dict(norm_pix_loss=False),
    contrast=dict(cut=25),  # first band beyond 1000 nm
)
train_cfg = dict(max_epochs=12)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, begin=0, end=1, by_epoch=True, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', T_max=11, eta_min=0, begin=1, end=12, by_epoch=True, convert_to_iter_based=True),
]
