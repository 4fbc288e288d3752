# The 3-D CNN of Li, Zhang and Shen (Remote Sensing 9(1), 67, 2017) with its windows of 5 pixels, same components.
_base_ = 'hypersigma-tiny_cls_indian-pines.py'

window_size = 5  # pixels
model = dict(
    backbone=dict(
        _delete_=True,
        type='HybridCNN',
        in_channels=_base_.num_bands,
        img_size=window_size,
        channels_3d=(2, 4),
        spectral_kernels=(7, 3),
        channels_2d=(),
    ),
    neck=None,
    head=dict(
        _delete_=True,
        type='mmpretrain.LinearClsHead',
        in_channels=768,  # 4 maps of 192 components
        num_classes=_base_.num_classes,
        loss=_base_.model.head.loss,
    ),
)

train_dataloader = dict(dataset=dict(window_size=window_size))
val_dataloader = dict(dataset=dict(window_size=window_size))
test_dataloader = dict(dataset=dict(window_size=window_size))
