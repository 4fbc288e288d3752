_base_ = [
    '../_base_/models/swinir_hsr.py',
    '../_base_/datasets/houston_x4.py',
    '../_base_/schedules/hsr_350e.py',
    '../_base_/restoration_runtime.py',
]

model = dict(
    generator=dict(img_size=_base_.tile_size, in_chans=_base_.num_bands, upscale=_base_.scale),
    test_cfg=dict(tile_size=_base_.tile_size),
)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
