_base_ = [
    '../_base_/models/spatsigma-base_hid.py',
    '../_base_/datasets/wdc.py',
    '../_base_/schedules/hid_100e.py',
    '../_base_/restoration_runtime.py',
]

model = dict(
    generator=dict(
        backbone=dict(img_size=_base_.tile_size, in_channels=_base_.num_bands),
        neck=dict(refinement=dict(img_size=(_base_.tile_size, _base_.tile_size))),
        head=dict(num_bands=_base_.num_bands),
    ),
    test_cfg=dict(tile_size=_base_.tile_size, overlap=16),  # pixels
)
