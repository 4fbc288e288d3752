# SpectralFormer (Hong et al., IEEE TGRS 60, 2022) on its windows of 7 pixels. Its tokens are bands, each scaled to
# [0, 1] over the scene, and not components.
_base_ = 'hypersigma-tiny_cls_indian-pines.py'

window_size = 7  # pixels
preprocessing = [dict(type='MinMaxScale', per_band=True)]
model = dict(
    backbone=dict(_delete_=True, type='SpectralFormer', in_channels=_base_.num_bands, img_size=window_size),
    neck=None,
    head=dict(
        _delete_=True,
        type='mmpretrain.LinearClsHead',
        in_channels=64,
        num_classes=_base_.num_classes,
        loss=_base_.model.head.loss,
    ),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))

train_dataloader = dict(dataset=dict(window_size=window_size, scene=dict(preprocessing=preprocessing)))
val_dataloader = dict(dataset=dict(window_size=window_size, scene=dict(preprocessing=preprocessing)))
test_dataloader = dict(dataset=dict(window_size=window_size, scene=dict(preprocessing=preprocessing)))
