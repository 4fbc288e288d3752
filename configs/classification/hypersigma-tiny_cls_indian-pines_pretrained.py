# Starts from both branches pre-trained on the tiles of the scene; configs/pretrain/README.md has the commands.
_base_ = 'hypersigma-tiny_cls_indian-pines.py'

model = dict(
    backbone=dict(
        spatial=dict(init_cfg=dict(type='Pretrained', checkpoint='work_dirs/spat-mae_tiny_indian-pines/epoch_30.pth')),
        spectral=dict(init_cfg=dict(type='Pretrained', checkpoint='work_dirs/spec-mae_tiny_indian-pines/epoch_30.pth')),
    )
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
