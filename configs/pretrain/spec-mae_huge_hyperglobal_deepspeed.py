# Shared out over the GPUs by DeepSpeed, with activations recomputed in the backward pass; not run so far.
_base_ = ['spec-mae_huge_hyperglobal.py', '../_base_/strategies/deepspeed.py']

model = dict(backbone=dict(with_cp=True), neck=dict(with_cp=True))
optim_wrapper = dict(type='DeepSpeedOptimWrapper')
