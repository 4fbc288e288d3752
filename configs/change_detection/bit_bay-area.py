_base_ = [
    '../_base_/models/bit_hcd.py',
    '../_base_/datasets/bay-area_tiles.py',
    '../_base_/schedules/hcd_tiny.py',
    '../_base_/default_runtime.py',
]

model = dict(backbone=dict(encoder=dict(in_channels=_base_.num_bands)))
