_base_ = [
    '../_base_/models/hypersigma-tiny_hcd.py',
    '../_base_/datasets/bay-area_windows_tiny.py',
    '../_base_/schedules/hcd_tiny.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(
        encoder=dict(
            spatial=dict(img_size=_base_.window_size, patch_size=_base_.patch_size, in_channels=_base_.num_bands),
            spectral=dict(img_size=_base_.window_size),
        )
    ),
    head=dict(hidden_channels=(64, 64, 64)),  # for the grid of 7 x 7 tokens
)
