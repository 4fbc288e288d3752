# mmpretrain's ResNet as the encoder of both dates; the stem keeps the resolution, which small windows need.
_base_ = 'hypersigma-tiny_hermiston.py'

model = dict(
    backbone=dict(
        encoder=dict(
            _delete_=True, type='mmpretrain.ResNet_CIFAR', depth=18, in_channels=_base_.num_bands, out_indices=(0, 1)
        ),
        neck=None,
    ),
    head=dict(in_channels=(64, 128)),
)
