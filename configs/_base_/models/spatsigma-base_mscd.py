# SpatSIGMA, multispectral change detection: the spatial branch of hypersigma-base_mscd.py alone (tile 128, patch 8),
# which the reference has not. A config adds img_size, and the in_channels of the projection (the bands of one date).
model = dict(
    type='SlidingEncoderDecoder',
    data_preprocessor=dict(type='HSIDataPreprocessor'),
    backbone=dict(
        type='SiameseBackbone',
        projection=dict(type='Conv2d', out_channels=100, kernel_size=1),
        encoder=dict(type='SpatViT', arch='base', patch_size=8, in_channels=100, num_points=4, use_abs_pos_emb=False),
        neck=dict(type='LevelPyramid', in_channels=768, scales=(2, 1, 0.5, 0.5)),
        fusion='concat'),
    neck=dict(type='TopDownFusion', in_channels=(1536, ) * 4, out_channels=128),
    decode_head=dict(
        type='mmseg.FCNHead',
        num_convs=0,
        concat_input=False,
        in_index=0,
        in_channels=128,
        channels=128,
        num_classes=2,
        out_channels=2,
        dropout_ratio=0.,
        init_cfg=None,  # as PyTorch draws it
        loss_decode=[
            dict(type='WeightedCrossEntropyLoss', class_weight=(1, 10)),
            dict(type='LovaszSoftmaxLoss', loss_weight=0.75)
        ]),
    train_cfg=dict(),
    test_cfg=dict(mode='slide', crop_size=(128, 128), stride=(64, 64)))
