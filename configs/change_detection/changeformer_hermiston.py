# After ChangeFormer (Bandara and Patel, IGARSS 2022), from parts of mmseg: SegFormer's encoder for both dates, and its
# MLP decoder on the maps of both dates side by side, from which a 1x1 convolution of each level learns a difference;
# the paper has two 3x3 convolutions per level. A stem of stride 1 suits small tiles.
_base_ = 'hypersigma-tiny-upernet_hermiston.py'

model = dict(
    backbone=dict(
        encoder=dict(
            _delete_=True,
            type='mmseg.MixVisionTransformer',
            in_channels=_base_.num_bands,
            embed_dims=32,
            num_stages=4,
            num_layers=[2, 2, 2, 2],
            num_heads=[1, 2, 4, 8],
            patch_sizes=[3, 3, 3, 3],
            strides=[1, 2, 2, 2],
            sr_ratios=[4, 2, 1, 1],
            out_indices=(0, 1, 2, 3),
            drop_path_rate=0.1,
        ),
        neck=None,
        fusion='concat',
    ),
    decode_head=dict(
        _delete_=True,
        type='mmseg.SegformerHead',
        in_channels=[64, 128, 256, 512],
        in_index=[0, 1, 2, 3],
        channels=64,
        dropout_ratio=0.0,
        num_classes=2,
        norm_cfg=dict(type='BN'),
        align_corners=False,
        loss_decode=_base_.model.decode_head.loss_decode,
    ),
)
