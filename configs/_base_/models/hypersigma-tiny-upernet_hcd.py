# A label for each pixel of a tile: mmseg's UPerHead on the fused maps of both dates. A config adds img_size of both
# branches and in_channels (the bands of one date).
model = dict(
    type='mmseg.EncoderDecoder',
    data_preprocessor=dict(type='HSIDataPreprocessor'),
    backbone=dict(
        type='SiameseBackbone',
        encoder=dict(
            type='HyperSIGMA',
            spatial=dict(type='SpatViT', arch='tiny', patch_size=2, num_points=4),
            spectral=dict(type='SpecViT', arch='tiny', num_tokens=25, num_points=4),
        ),
        neck=dict(
            type='SpectralEnhancement',
            in_channels=64,
            num_tokens=25,
            num_spectral_levels=4,
            mid_channels=32,
            spectral_channels=64,
            out_channels=64,
            scales=(2, 1, 0.5, 0.25),
        ),
    ),
    decode_head=dict(
        type='mmseg.UPerHead',
        in_channels=[64] * 4,
        in_index=[0, 1, 2, 3],
        channels=64,
        pool_scales=(1, 2),
        num_classes=2,
        norm_cfg=dict(type='GN', num_groups=8),
        # most pixels of a tile are not training pixels
        loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
