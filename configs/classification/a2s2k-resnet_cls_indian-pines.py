# A2S2K-ResNet (Roy et al., IEEE TGRS 59(9), 2021) on its windows of 9 pixels, with all components.
_base_ = 'hypersigma-tiny_cls_indian-pines.py'

window_size = 9  # pixels
model = dict(
    backbone=dict(_delete_=True, type='A2S2KResNet', in_channels=_base_.num_bands),
    neck=None,
    head=dict(
        _delete_=True,
        type='mmpretrain.LinearClsHead',
        in_channels=24,
        num_classes=_base_.num_classes,
        loss=_base_.model.head.loss,
    ),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))

train_dataloader = dict(dataset=dict(window_size=window_size))
val_dataloader = dict(dataset=dict(window_size=window_size))
test_dataloader = dict(dataset=dict(window_size=window_size))
