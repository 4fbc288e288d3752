_base_ = [
    '../_base_/models/spec-mae-huge.py',
    '../_base_/datasets/hyperglobal.py',
    '../_base_/schedules/mae_1600e.py',
    '../_base_/pretrain_runtime.py',
]

model = dict(
    data_preprocessor=dict(num_bands=_base_.num_bands),
    backbone=dict(img_size=_base_.tile_size, in_channels=_base_.num_bands),
)

train_dataloader = dict(batch_size=16)  # on 128 GPUs: 2048 per update
