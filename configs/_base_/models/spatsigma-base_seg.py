# SpatSIGMA, tile protocol: the spatial branch alone, without position embeddings. A config adds img_size, in_channels,
# num_classes.
model = dict(
    type='mmseg.EncoderDecoder',
    data_preprocessor=dict(type='HSIDataPreprocessor'),
    backbone=dict(type='SpatViT', arch='base', patch_size=8, use_abs_pos_emb=False),
    neck=dict(type='LevelPyramid', in_channels=768, scales=(1, 1, 0.5, 0.25)),
    decode_head=dict(type='MultiLevelSegHead', in_channels=(768,) * 4, hidden_channels=(128, 64)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
