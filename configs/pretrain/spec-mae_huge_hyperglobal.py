_base_ = 'spec-mae_base_hyperglobal.py'

model = dict(backbone=dict(arch='huge'))

train_dataloader = dict(batch_size=16)  # on 128 GPUs: 2048 per update
