# Divided among the GPUs, in bfloat16, with the activations of a block recomputed in the backward pass.
_base_ = ['spat-mae_huge_hyperglobal.py', '../_base_/strategies/fsdp.py']

model = dict(backbone=dict(with_cp=True), neck=dict(with_cp=True))
strategy = dict(precision='bf16')
