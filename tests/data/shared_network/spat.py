# Twenty steps without random numbers that differ between processes.
_base_ = [
    '../../../configs/pretrain/spat-mae_tiny_indian-pines.py',
    '../../../configs/_base_/strategies/fsdp.py',
]
custom_imports = dict(imports=['mmhsi', 'sample_masks'], allow_failed_imports=False)
model = dict(backbone=dict(type='SampleMaskedSpatViT', with_cp=True), neck=dict(with_cp=True))
train_dataloader = dict(
    batch_size=12,
    dataset=dict(
        tile_size=12, indices=120, pipeline=[dict(type='mmpretrain.PackInputs', meta_keys=('origin', 'wavelengths'))]
    ),
)
optim_wrapper = dict(clip_grad=dict(max_norm=0.2))
param_scheduler = [dict(type='ConstantLR', factor=0.5, by_epoch=True, end=2)]
train_cfg = dict(max_epochs=2)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=1))
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(vis_backends=vis_backends)
