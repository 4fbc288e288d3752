# The small architecture: four levels of twelve blocks of 384 channels, under the neck and the head of the tiny one.
_base_ = 'hypersigma-tiny_cls_indian-pines.py'

model = dict(
    backbone=dict(
        spatial=dict(arch='small', out_indices=(3, 5, 7, 11)), spectral=dict(arch='small', out_indices='early')
    ),
    neck=dict(in_channels=384, spectral_channels=384, scales=(1, 1, 1, 1)),
    head=dict(in_channels=(64, 64, 64, 64)),
)
optim_wrapper = dict(optimizer=dict(lr=5e-4))  # that of the tiny one is too large for twelve blocks
