# HyperSIGMA, tile protocol (tile 128, patch 8). A config adds img_size, in_channels, num_classes.
model = dict(
    type='mmseg.EncoderDecoder',
    data_preprocessor=dict(type='HSIDataPreprocessor'),
    backbone=dict(
        type='HyperSIGMA',
        spatial=dict(type='SpatViT', arch='base', patch_size=8),
        # the gate looks at an early block of the spectral branch: the published weights rely on it
        spectral=dict(type='SpecViT', arch='base', num_tokens=100, out_indices='early'),
    ),
    neck=dict(
        type='SpectralEnhancement',
        in_channels=768,
        num_tokens=100,
        mid_channels=128,
        out_channels=128,
        scales=(1, 1, 0.5, 0.25),
        gate_first=True,
    ),
    decode_head=dict(type='MultiLevelSegHead', in_channels=(128,) * 4, hidden_channels=(128,)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
