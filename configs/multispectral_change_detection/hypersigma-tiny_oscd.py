# A HyperSIGMA that one CPU core trains from scratch in a few minutes.
_base_ = [
    '../_base_/models/hypersigma-base_mscd.py',
    '../_base_/datasets/oscd_tiny.py',
    '../_base_/schedules/mscd_tiny.py',
    '../_base_/mscd_runtime.py',
]

model = dict(
    backbone=dict(
        projection=dict(in_channels=_base_.num_bands, out_channels=36),
        encoder=dict(
            spatial=dict(arch='tiny', img_size=_base_.crop_size, patch_size=4, in_channels=36),
            spectral=dict(arch='tiny', img_size=_base_.crop_size, num_tokens=36, num_points=4, out_indices=(1,)),
        ),
        neck=dict(in_channels=64, num_tokens=36, spectral_channels=64, mid_channels=64),
    ),
    neck=dict(in_channels=(128,) * 4, out_channels=64),
    decode_head=dict(in_channels=64, channels=64),
    test_cfg=dict(crop_size=(64, 64), stride=(32, 32)),
)
