# DeepTrans-HSU (Ghosh et al., IEEE TGRS 60, 2022) on the whole scene at once, with its losses and its training: 200
# steps without augmentation, since every pixel has its place in the network.
_base_ = 'hypersigma-tiny_samson.py'

window_size = 95  # pixels: the whole scene
model = dict(
    backbone=dict(
        _delete_=True,
        type='DeepTransEncoder',
        in_channels=_base_.num_bands,
        num_endmembers=_base_.num_endmembers,
        img_size=window_size,
    ),
    neck=None,
    head=dict(_delete_=True, type='SmoothedSoftmaxHead', num_endmembers=_base_.num_endmembers),
    loss_reconstruction=dict(
        _delete_=True,
        type='SumLoss',
        losses=dict(
            squared_error=dict(type='MSELoss'),
            angle=dict(type='SpectralAngleLoss', loss_weight=270.75),  # 0.03 times the sum over 95 x 95 pixels
        ),
        weights=dict(squared_error=5e3),
    ),
    loss_sparsity=None,
    loss_variation=None,
    unit_spectra=False,
)

optim_wrapper = dict(
    _delete_=True, optimizer=dict(type='Adam', lr=6e-3, weight_decay=4e-5), clip_grad=dict(max_norm=10.0, norm_type=1)
)
param_scheduler = [dict(type='StepLR', step_size=15, gamma=0.8)]
custom_hooks = [dict(type='InitialEndmemberHook'), dict(type='NonNegativeEndmemberHook')]
train_cfg = dict(max_epochs=200)

train_dataloader = dict(
    batch_size=1,
    dataset=dict(
        _delete_=True,
        type='TileDataset',
        scene=_base_.scene,
        subset='all',
        tile_size=window_size,
        pipeline=[_base_.pack],
    ),
)
test_dataloader = dict(dataset=dict(tile_size=window_size, overlap=0))
