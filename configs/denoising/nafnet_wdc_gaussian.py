# NAFNet of mmagic on the same data, for comparison.
_base_ = [
    '../_base_/models/nafnet_hid.py',
    '../_base_/datasets/wdc.py',
    '../_base_/schedules/hid_100e.py',
    '../_base_/restoration_runtime.py',
]

model = dict(
    generator=dict(img_channels=_base_.num_bands, mid_channels=192),
    test_cfg=dict(tile_size=_base_.tile_size, overlap=16),  # pixels
)
