# A masked autoencoder that a CPU core trains in a few minutes.
_base_ = [
    '../_base_/models/spat-mae-base.py', '../_base_/datasets/indian-pines_mae_tiny.py',
    '../_base_/schedules/mae_tiny.py', '../_base_/pretrain_runtime.py'
]

model = dict(
    data_preprocessor=dict(num_bands=_base_.num_bands),
    backbone=dict(arch='tiny', img_size=_base_.tile_size, patch_size=4, in_channels=_base_.num_bands),
    neck=dict(embed_dims=96, num_layers=2, num_heads=4))
