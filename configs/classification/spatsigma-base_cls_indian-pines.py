_base_ = [
    '../_base_/models/spatsigma-base_cls.py',
    '../_base_/datasets/indian-pines_cls.py',
    '../_base_/schedules/finetune_300e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=dict(num_bands=_base_.num_bands),
    backbone=dict(img_size=_base_.window_size, in_channels=_base_.num_bands),
    head=dict(num_classes=_base_.num_classes),
)
