_base_ = [
    '../_base_/models/hypersigma-tiny_had.py',
    '../_base_/datasets/indian-pines-implanted_anomaly.py',
    '../_base_/schedules/detection_scratch_tiny.py',
    '../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=dict(num_bands=_base_.num_bands),
    backbone=dict(
        spatial=dict(img_size=_base_.tile_size, in_channels=_base_.num_bands), spectral=dict(img_size=_base_.tile_size)
    ),
)
