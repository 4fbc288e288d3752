# HyperSIGMA, anomaly detection (tile 32, patch 1). A config adds img_size, in_channels.
model = dict(
    type='mmseg.EncoderDecoder',
    data_preprocessor=dict(type='HSIDataPreprocessor'),
    backbone=dict(
        type='HyperSIGMA',
        spatial=dict(type='SpatViT', arch='base', patch_size=1),
        spectral=dict(type='SpecViT', arch='base', num_tokens=100, out_indices='last'),
    ),
    neck=dict(
        type='SpectralEnhancement', in_channels=768, num_tokens=100, mid_channels=32, out_channels=128, sum_levels=True
    ),
    decode_head=dict(type='PixelSegHead', in_channels=128, num_classes=2),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
