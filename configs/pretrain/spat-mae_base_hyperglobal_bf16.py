# In bfloat16 and compiled; two batches of 1024 tiles over all GPUs make one update of 2048.
_base_ = 'spat-mae_base_hyperglobal.py'

model = dict(compile=dict(dynamic=False))  # arguments of torch.compile
optim_wrapper = dict(type='BF16OptimWrapper', accumulative_counts=2, clip_grad=dict(max_norm=1.0))
train_dataloader = dict(batch_size=128)  # on 8 GPUs
