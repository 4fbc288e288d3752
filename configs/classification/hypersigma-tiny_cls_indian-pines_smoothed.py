# Few labels: the network sees 3 x 3 pixels of noise-weighted components, smoothed over up to 23 x 23 pixels.
# Windows are not moved in training, which would take them over the borders of fields.
_base_ = 'hypersigma-tiny_cls_indian-pines.py'

window_size = 23  # pixels covered by the smoothing
size = 3  # pixels that the network sees
sigmas = (2.0, 5.0)  # pixels
num_bands = 200 * len(sigmas)  # seen by the network
preprocessing = [dict(type='MinimumNoiseFraction', n_components=200, power=0.15)]
load = dict(type='LoadSceneWindow', pad_mode='reflect')
train_pipeline = [load, dict(type='RandomFlip', prob=0.5), dict(type='RandomRotate90'), _base_.pack]

train_dataloader = dict(
    dataset=dict(scene=dict(preprocessing=preprocessing), window_size=window_size, pipeline=train_pipeline)
)
val_dataloader = dict(
    dataset=dict(scene=dict(preprocessing=preprocessing), window_size=window_size, pipeline=[load, _base_.pack])
)
test_dataloader = dict(
    dataset=dict(scene=dict(preprocessing=preprocessing), window_size=window_size, pipeline=[load, _base_.pack])
)

model = dict(
    data_preprocessor=dict(num_bands=200, smoothing=dict(sigmas=sigmas, size=size)),
    backbone=dict(
        spatial=dict(img_size=size, in_channels=num_bands, layer_scale_init_value=0.1),
        spectral=dict(img_size=size, layer_scale_init_value=0.1),
    ),
)
