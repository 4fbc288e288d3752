# A HyperSIGMA that one CPU core trains from scratch in a minute or two.
_base_ = [
    '../_base_/models/hypersigma-base_had.py',
    '../_base_/datasets/indian-pines-implanted_anomaly.py',
    '../_base_/schedules/detection_scratch_tiny.py',
    '../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=dict(num_bands=_base_.num_bands),
    backbone=dict(
        spatial=dict(
            arch='tiny', out_indices=(0, 1), img_size=_base_.tile_size, in_channels=_base_.num_bands, num_points=4
        ),
        spectral=dict(arch='tiny', out_indices=(1,), img_size=_base_.tile_size, num_tokens=36, num_points=4),
    ),
    neck=dict(in_channels=64, num_tokens=36, out_channels=64, scales=(1, 1)),
    decode_head=dict(in_channels=64, dropout_ratio=0.2),
)
