_base_ = [
    '../_base_/models/spatsigma-base_hsr.py',
    '../_base_/datasets/houston_x8.py',
    '../_base_/schedules/hsr_350e.py',
    '../_base_/restoration_runtime.py',
]

model = dict(
    generator=dict(
        backbone=dict(img_size=_base_.tile_size, in_channels=_base_.num_bands),
        head=dict(num_bands=_base_.num_bands, scale=_base_.scale),
    ),
    test_cfg=dict(tile_size=_base_.tile_size, overlap=8),
)
