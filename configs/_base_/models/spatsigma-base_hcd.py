# SpatSIGMA, change detection by windows of two dates: the spatial branch alone (window 5, patch 1). For window 15 the
# reference takes patch 2 and hidden_channels=(128, 64, 64). A config adds img_size, in_channels (the bands of one
# date).
model = dict(
    type='mmpretrain.ImageClassifier',
    data_preprocessor=dict(type='HSIDataPreprocessor'),
    backbone=dict(
        type='SiameseBackbone',
        encoder=dict(type='SpatViT', arch='base', patch_size=1, use_abs_pos_emb=False),
        neck=dict(type='LevelPyramid', in_channels=768, out_channels=64),
        fusion='abs_difference',
    ),
    head=dict(type='ChangeClsHead', in_channels=(64,) * 4, num_classes=2, hidden_channels=(256, 128)),
)
