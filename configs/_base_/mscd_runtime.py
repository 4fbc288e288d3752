# Training counted in iterations, on crops of several scenes.
_base_ = 'default_runtime.py'

default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=100, save_best='kappa'),
    progress=dict(unit='scene'))
log_processor = dict(by_epoch=False)
