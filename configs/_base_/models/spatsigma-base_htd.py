# SpatSIGMA, target detection: that of anomaly detection under the head with the branch of the target spectrum. A
# config adds img_size, in_channels, num_bands.
_base_ = 'spatsigma-base_had.py'

model = dict(decode_head=dict(_delete_=True, type='TargetDetectionHead', in_channels=128))
