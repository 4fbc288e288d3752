default_scope = 'mmengine'
custom_imports = dict(imports=['toy_regression'])
default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1))
log_level = 'WARNING'
