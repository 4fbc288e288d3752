_base_ = [
    '../_base_/models/edsr_hsr.py',
    '../_base_/datasets/houston_x8.py',
    '../_base_/schedules/hsr_350e.py',
    '../_base_/restoration_runtime.py',
]

model = dict(generator=dict(in_channels=_base_.num_bands, out_channels=_base_.num_bands, upscale_factor=_base_.scale))
optim_wrapper = dict(optimizer=dict(lr=1e-4))
