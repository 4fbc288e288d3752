_base_ = [
    '../_base_/models/hypersigma-tiny_hiu.py',
    '../_base_/datasets/samson.py',
    '../_base_/schedules/hiu_tiny.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(
        spatial=dict(img_size=_base_.window_size, in_channels=_base_.num_bands),
        spectral=dict(img_size=_base_.window_size),
    ),
    head=dict(num_endmembers=_base_.num_endmembers),
    decoder=dict(num_endmembers=_base_.num_endmembers, num_bands=_base_.num_bands),
)
