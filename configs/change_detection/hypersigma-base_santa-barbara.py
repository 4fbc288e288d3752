_base_ = [
    '../_base_/models/hypersigma-base_hcd.py',
    '../_base_/datasets/santa-barbara_windows.py',
    '../_base_/schedules/hcd_50e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(
        encoder=dict(
            spatial=dict(img_size=_base_.window_size, patch_size=_base_.patch_size, in_channels=_base_.num_bands),
            spectral=dict(img_size=_base_.window_size),
        )
    ),
    head=dict(hidden_channels=(128, 64, 64)),  # for the grid of 7 x 7 tokens
)
