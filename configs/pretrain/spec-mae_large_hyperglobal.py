_base_ = 'spec-mae_base_hyperglobal.py'

model = dict(backbone=dict(arch='large'))

train_dataloader = dict(batch_size=32)  # on 64 GPUs: 2048 per update
