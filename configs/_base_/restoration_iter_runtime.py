# Restoration, counted in iterations.
_base_ = 'restoration_runtime.py'

default_hooks = dict(checkpoint=dict(by_epoch=False, interval=200))
log_processor = dict(by_epoch=False)
