_base_ = [
    '../_base_/models/hypersigma-tiny-upernet_hcd.py',
    '../_base_/datasets/hermiston_tiles.py',
    '../_base_/schedules/hcd_tiny.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(
        encoder=dict(
            spatial=dict(img_size=_base_.tile_size, in_channels=_base_.num_bands),
            spectral=dict(img_size=_base_.tile_size),
        )
    )
)
