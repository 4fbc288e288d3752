# BIT (Chen, Qi and Shi, IEEE TGRS 60, 2022) of a small size: a ResNet-18 without its last stage, whose stem keeps the
# resolution, tokens of both dates that attend to each other, and two convolutions on the difference. A config adds
# in_channels of the encoder (the bands of one date).
_base_ = 'hypersigma-tiny-upernet_hcd.py'

model = dict(
    backbone=dict(
        encoder=dict(
            _delete_=True,
            type='mmpretrain.ResNet_CIFAR',
            depth=18,
            base_channels=32,
            stem_channels=32,
            out_indices=(2,),
        ),
        neck=None,
        interaction=dict(type='BitemporalTransformer', in_channels=128, decoder_depth=4, decoder_head_dims=8),
    ),
    decode_head=dict(
        _delete_=True,
        type='mmseg.FCNHead',
        in_channels=32,
        in_index=0,
        channels=32,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.0,
        num_classes=2,
        norm_cfg=dict(type='BN'),
        loss_decode=_base_.model.decode_head.loss_decode,
    ),
)
