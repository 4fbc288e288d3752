# HyperSIGMA, multispectral change detection (tile 128, patch 8). A config adds img_size, and the in_channels of the
# projection (the bands of one date).
model = dict(
    type='SlidingEncoderDecoder',
    data_preprocessor=dict(type='HSIDataPreprocessor'),
    backbone=dict(
        type='SiameseBackbone',
        projection=dict(type='Conv2d', out_channels=100, kernel_size=1),
        encoder=dict(
            type='HyperSIGMA',
            spatial=dict(
                type='SpatViT', arch='base', patch_size=8, in_channels=100, num_points=4, use_abs_pos_emb=False
            ),
            # the gate uses an early block of the spectral branch, as in the reference
            spectral=dict(type='SpecViT', arch='base', num_tokens=100, out_indices='early', use_abs_pos_emb=False),
        ),
        neck=dict(
            type='SpectralEnhancement',
            in_channels=768,
            num_tokens=100,
            mid_channels=768,
            out_channels=None,
            scales=(2, 1, 0.5, 0.5),
            shared_gate=True,
        ),
        fusion='concat',
    ),
    neck=dict(type='TopDownFusion', in_channels=(1536,) * 4, out_channels=128),
    decode_head=dict(
        type='mmseg.FCNHead',
        num_convs=0,
        concat_input=False,
        in_index=0,
        in_channels=128,
        channels=128,
        num_classes=2,
        out_channels=2,
        dropout_ratio=0.0,
        init_cfg=None,  # initialised as by PyTorch
        loss_decode=[
            dict(type='WeightedCrossEntropyLoss', class_weight=(1, 10)),
            dict(type='LovaszSoftmaxLoss', loss_weight=0.75),
        ],
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='slide', crop_size=(128, 128), stride=(64, 64)),
)
