# MCNet (Li, Wang and Li, Remote Sensing 12(10), 2020) of its published size, on the same data, for comparison.
_base_ = 'edsr_houston_x4.py'

model = dict(generator=dict(_delete_=True, type='MCNet', scale=_base_.scale))
