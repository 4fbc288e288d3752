# SpatSIGMA, target detection: as for anomaly detection, with a head that also processes the target spectrum. A config
# adds img_size, in_channels, num_bands.
_base_ = 'spatsigma-base_had.py'

model = dict(decode_head=dict(_delete_=True, type='TargetDetectionHead', in_channels=128))
