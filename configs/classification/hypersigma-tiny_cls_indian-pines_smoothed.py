# Few labels: the network sees 5 x 5 pixels of noise-weighted components, smoothed over up to 37 x 37 pixels.
# Windows are not moved in training, which would take them over the borders of fields.
_base_ = 'hypersigma-tiny_cls_indian-pines.py'

window_size = 37  # pixels that are smoothed over
size = 5  # pixels that the network sees
sigmas = (2., 4., 8.)  # pixels
num_components = 120
num_bands = num_components * len(sigmas)
preprocessing = [dict(type='MinimumNoiseFraction', n_components=num_components, power=0.15)]
smooth = dict(type='SmoothWindow', sigmas=sigmas, size=size)
load = dict(type='LoadSceneWindow', pad_mode='reflect')
train_pipeline = [load, smooth, dict(type='RandomFlip', prob=0.5), dict(type='RandomRotate90'), _base_.pack]
test_pipeline = [load, smooth, _base_.pack]

train_dataloader = dict(
    dataset=dict(scene=dict(preprocessing=preprocessing), window_size=window_size, pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(scene=dict(preprocessing=preprocessing), window_size=window_size, pipeline=test_pipeline))
test_dataloader = dict(
    dataset=dict(scene=dict(preprocessing=preprocessing), window_size=window_size, pipeline=test_pipeline))

model = dict(
    data_preprocessor=dict(num_bands=num_bands),
    backbone=dict(
        spatial=dict(img_size=size, in_channels=num_bands, layer_scale_init_value=0.1),
        spectral=dict(img_size=size, layer_scale_init_value=0.1)))
