_base_ = [
    '../_base_/models/hypersigma-tiny_hsr.py',
    '../_base_/datasets/indian-pines_x4.py',
    '../_base_/schedules/hsr_tiny.py',
    '../_base_/restoration_iter_runtime.py',
]

model = dict(
    generator=dict(
        backbone=dict(
            spatial=dict(img_size=_base_.tile_size, in_channels=_base_.num_bands),
            spectral=dict(img_size=_base_.tile_size),
        ),
        head=dict(num_bands=_base_.num_bands, scale=_base_.scale),
    ),
    test_cfg=dict(tile_size=_base_.tile_size, overlap=4),
)
