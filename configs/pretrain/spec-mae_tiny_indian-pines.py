# A masked autoencoder that a CPU core trains in a few minutes.
_base_ = [
    '../_base_/models/spec-mae-base.py', '../_base_/datasets/indian-pines_mae_tiny.py',
    '../_base_/schedules/mae_tiny.py', '../_base_/pretrain_runtime.py'
]

model = dict(
    data_preprocessor=dict(num_bands=_base_.num_bands),
    backbone=dict(arch='tiny', img_size=_base_.tile_size, num_tokens=25, in_channels=_base_.num_bands),
    neck=dict(embed_dims=96, num_layers=2, num_heads=4))

# a token is the image of a few bands: their contrast is what there is to learn, and it is small beside their mean
train_dataloader = dict(dataset=dict(scene=dict(preprocessing=[dict(type='Standardize')])))
