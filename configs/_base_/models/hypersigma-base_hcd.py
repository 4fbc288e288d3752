# HyperSIGMA, change detection by windows of two dates (window 5, patch 1). For window 15 the reference takes patch 2
# and hidden_channels=(128, 64, 64). A config adds img_size, in_channels (the bands of one date).
model = dict(
    type='mmpretrain.ImageClassifier',
    data_preprocessor=dict(type='HSIDataPreprocessor'),
    backbone=dict(
        type='SiameseBackbone',
        encoder=dict(
            type='HyperSIGMA',
            spatial=dict(type='SpatViT', arch='base', patch_size=1, use_abs_pos_emb=False),
            spectral=dict(type='SpecViT', arch='base', num_tokens=144, use_abs_pos_emb=False),
        ),
        neck=dict(
            type='SpectralEnhancement',
            in_channels=768,
            num_tokens=144,
            num_spectral_levels=4,
            mid_channels=32,
            out_channels=144,
        ),
        fusion='abs_difference',
    ),
    head=dict(type='ChangeClsHead', in_channels=(144,) * 4, num_classes=2, hidden_channels=(256, 128)),
)
