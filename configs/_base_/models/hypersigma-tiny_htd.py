# The same for target detection, with a head that also processes the target spectrum. A config adds num_bands too.
_base_ = 'hypersigma-tiny_had.py'

model = dict(decode_head=dict(_delete_=True, type='TargetDetectionHead', in_channels=64))
