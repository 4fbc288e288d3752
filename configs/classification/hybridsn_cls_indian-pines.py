# HybridSN (Roy et al., IEEE GRSL 17(2), 2020) on the same windows, with its 30 components, which are the first ones of
# the others; its windows have 25 pixels in the paper.
_base_ = 'hypersigma-tiny_cls_indian-pines.py'

num_bands = 30  # principal components, the input channels of the network
preprocessing = [dict(type='SpectralPCA', n_components=num_bands, whiten=True)]
model = dict(
    data_preprocessor=dict(num_bands=num_bands),
    backbone=dict(_delete_=True, type='HybridCNN', in_channels=num_bands, img_size=_base_.window_size),
    neck=None,
    head=dict(
        _delete_=True,
        type='mmpretrain.StackedLinearClsHead',
        in_channels=1600,  # 64 maps of 5 x 5 pixels
        mid_channels=[256, 128],
        dropout_rate=0.4,
        num_classes=_base_.num_classes,
        loss=_base_.model.head.loss,
    ),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))

train_dataloader = dict(dataset=dict(scene=dict(preprocessing=preprocessing)))
val_dataloader = dict(dataset=dict(scene=dict(preprocessing=preprocessing)))
test_dataloader = dict(dataset=dict(scene=dict(preprocessing=preprocessing)))
