# mmpretrain's ResNet as the encoder; the stem keeps the resolution, which mixed pixels need.
_base_ = 'hypersigma-tiny_samson.py'

model = dict(
    backbone=dict(
        _delete_=True, type='mmpretrain.ResNet_CIFAR', depth=18, in_channels=_base_.num_bands, out_indices=(0, 1)
    ),
    neck=None,
    head=dict(in_channels=(64, 128)),
)
