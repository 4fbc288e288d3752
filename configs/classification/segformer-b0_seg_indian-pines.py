# mmseg's SegFormer with the smallest MiT encoder on the whole scene, from scratch; the first stage keeps half the
# resolution, because fields are a few pixels wide.
_base_ = 'upernet-r18_seg_indian-pines.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmseg.MixVisionTransformer',
        in_channels=_base_.num_bands,
        embed_dims=32,
        num_stages=4,
        num_layers=[2, 2, 2, 2],
        num_heads=[1, 2, 5, 8],
        patch_sizes=[3, 3, 3, 3],
        strides=[2, 2, 2, 2],
        sr_ratios=[8, 4, 2, 1],
        mlp_ratio=4,
        qkv_bias=True,
        drop_path_rate=0.1,
    ),
    decode_head=dict(
        _delete_=True,
        type='mmseg.SegformerHead',
        in_channels=[32, 64, 160, 256],
        in_index=[0, 1, 2, 3],
        channels=128,
        num_classes=_base_.num_classes,
        norm_cfg=_base_.norm_cfg,
        loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
    ),
)
