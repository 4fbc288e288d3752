# A HyperSIGMA of two levels for anomaly detection, which one CPU core trains from scratch in a minute or two. A config
# adds img_size, in_channels.
_base_ = 'hypersigma-base_had.py'

model = dict(
    backbone=dict(
        spatial=dict(arch='tiny', out_indices=(0, 1), num_points=4),
        spectral=dict(arch='tiny', out_indices=(1,), num_tokens=36, num_points=4),
    ),
    neck=dict(in_channels=64, num_tokens=36, out_channels=64, scales=(1, 1)),
    decode_head=dict(in_channels=64, dropout_ratio=0.2),
)
