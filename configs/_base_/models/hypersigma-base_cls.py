# HyperSIGMA, window protocol (window 33, patch 2). A config adds img_size, in_channels, num_classes.
model = dict(
    type='mmpretrain.ImageClassifier',
    data_preprocessor=dict(type='HSIDataPreprocessor'),
    backbone=dict(
        type='HyperSIGMA',
        spatial=dict(type='SpatViT', arch='base', patch_size=2),
        # the gate looks at an early block of the spectral branch: the published weights rely on it
        spectral=dict(type='SpecViT', arch='base', num_tokens=100, out_indices='early'),
    ),
    neck=dict(
        type='SpectralEnhancement',
        in_channels=768,
        num_tokens=100,
        mid_channels=128,
        out_channels=128,
        scales=(2, 1, 0.5, 0.25),
    ),
    head=dict(type='MultiLevelClsHead', in_channels=(128,) * 4, hidden_channels=(256, 128), dropout_rate=0.4),
)
