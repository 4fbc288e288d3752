# Training and test pixels as the 2013 IEEE GRSS Data Fusion Contest published them, in two maps.
_base_ = 'hypersigma-base_seg_houston.py'

scene = dict(labels=_base_.official_maps, split=dict(_delete_=True, **_base_.official_split))

train_dataloader = dict(dataset=dict(scene=scene))
val_dataloader = dict(dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
