# SpatSIGMA, window protocol: the spatial branch alone. A config adds img_size, in_channels, num_classes.
model = dict(
    type='mmpretrain.ImageClassifier',
    data_preprocessor=dict(type='HSIDataPreprocessor'),
    backbone=dict(type='SpatViT', arch='base', patch_size=2),
    head=dict(type='MultiLevelClsHead', in_channels=(768,) * 4, hidden_channels=(128, 64), dropout_rate=0.0),
)
