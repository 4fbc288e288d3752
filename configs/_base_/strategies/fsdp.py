# Parameters, gradients and the state of the optimiser divided among the processes, block by block (fully sharded data
# parallel, torch 2.6 or later).
runner_type = 'FlexibleRunner'
strategy = dict(type='mmhsi.FullyShardedStrategy')
