# Few labels without a deep network: one wide hidden layer on the smoothed noise fractions of a pixel.
_base_ = 'hypersigma-tiny_cls_indian-pines_smoothed.py'

model = dict(
    data_preprocessor=dict(batch_augments=None, smoothing=dict(size=1)),
    backbone=dict(  # without convolutions: the bands of the pixel
        _delete_=True,
        type='HybridCNN',
        in_channels=_base_.num_bands,
        img_size=1,
        channels_3d=(),
        spectral_kernels=(),
        channels_2d=(),
    ),
    neck=None,
    head=dict(
        _delete_=True,
        type='mmpretrain.StackedLinearClsHead',
        in_channels=_base_.num_bands,
        mid_channels=[2048],
        num_classes=_base_.num_classes,
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
    ),
)
