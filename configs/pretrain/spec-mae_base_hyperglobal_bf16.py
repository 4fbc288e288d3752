# In bfloat16, with compiled steps: two batches of 1024 tiles over all GPUs make one update of 2048.
_base_ = 'spec-mae_base_hyperglobal.py'

optim_wrapper = dict(type='BF16OptimWrapper', accumulative_counts=2, clip_grad=dict(max_norm=1.0))
train_dataloader = dict(batch_size=128)  # on 8 GPUs
compile = dict(dynamic=False)  # options of torch.compile
