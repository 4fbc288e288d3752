# Pre-training has no validation, so there is no best checkpoint.
_base_ = 'default_runtime.py'

default_hooks = dict(checkpoint=dict(_delete_=True, type='SafeCheckpointHook', interval=20, max_keep_ckpts=3))
