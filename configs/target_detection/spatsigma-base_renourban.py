_base_ = [
    '../_base_/models/spatsigma-base_htd.py',
    '../_base_/datasets/renourban.py',
    '../_base_/schedules/detection_10e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=dict(num_bands=_base_.num_bands),
    backbone=dict(img_size=_base_.tile_size, in_channels=_base_.num_bands),
    decode_head=dict(num_bands=_base_.num_bands),
)
