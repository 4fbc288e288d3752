_base_ = [
    '../_base_/models/hypersigma-base_mscd.py',
    '../_base_/datasets/oscd.py',
    '../_base_/schedules/mscd_6250i.py',
    '../_base_/mscd_runtime.py',
]

model = dict(
    backbone=dict(
        projection=dict(in_channels=_base_.num_bands),
        encoder=dict(spatial=dict(img_size=_base_.crop_size), spectral=dict(img_size=_base_.crop_size)),
    )
)
