# A narrow MCNet (Li, Wang and Li, Remote Sensing 12(10), 2020) that learns what the bicubic image lacks.
_base_ = 'edsr-tiny_houston-crop_x4.py'

model = dict(
    generator=dict(
        _delete_=True,
        type='BicubicResidual',
        network=dict(type='MCNet', scale=_base_.scale, channels=8, num_modules=2),
        scale=_base_.scale,
        last_layer='last',
    )
)
