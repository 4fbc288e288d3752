_base_ = [
    '../_base_/models/spatsigma-base_hiu.py',
    '../_base_/datasets/urban.py',
    '../_base_/schedules/hiu_200e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(img_size=_base_.window_size, in_channels=_base_.num_bands),
    head=dict(num_endmembers=_base_.num_endmembers),
    decoder=dict(num_endmembers=_base_.num_endmembers, num_bands=_base_.num_bands),
)
