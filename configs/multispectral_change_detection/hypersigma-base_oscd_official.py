# As the official code does it: the constants of ImageNet on the stored numbers of all bands, training on all 14 cities,
# the best state by the test cities, windows at the borders counted repeatedly.
_base_ = 'hypersigma-base_oscd.py'

preprocessing = [dict(type='ScaleValues', factor=0.017124754, offset=-2.1179039)]  # (x - 123.675) / 58.395
train_dataloader = dict(dataset=dict(scene=dict(preprocessing=preprocessing), exclude=[]))
val_dataloader = dict(dataset=dict(scene=dict(preprocessing=preprocessing), names=_base_.test_cities))
test_dataloader = dict(dataset=dict(scene=dict(preprocessing=preprocessing)))

model = dict(test_cfg=dict(repeat_border_windows=True))
