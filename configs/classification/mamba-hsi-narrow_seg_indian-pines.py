# MambaHSI for one core: a quarter of the width, on tiles of 48 pixels, of which two make a step.
_base_ = 'mamba-hsi_seg_indian-pines.py'

model = dict(backbone=dict(channels=32))
tiles = dict(tile_size=48, overlap=16)

train_dataloader = dict(batch_size=2, dataset=tiles)
val_dataloader = dict(dataset=tiles)
test_dataloader = dict(dataset=tiles)

param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=True, begin=0, end=2, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', by_epoch=True, begin=2, end=24, T_max=22, convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=24, val_begin=16, val_interval=4)
