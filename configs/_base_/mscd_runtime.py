# Training counted in iterations, on crops of several scenes.
_base_ = 'default_runtime.py'

task = 'multispectral_change_detection'  # its scenes are pairs, as those of change_detection

default_hooks = dict(checkpoint=dict(by_epoch=False, interval=100, save_best='kappa'), progress=dict(unit='scene'))
log_processor = dict(by_epoch=False)
