# Parameters, gradients and optimiser state shared out over the GPUs (fully sharded data parallel). Do not clip with it:
# MMEngine would take the norm of a GPU's own share of the gradients.
runner_type = 'FlexibleRunner'
strategy = dict(
    type='FSDPStrategy',
    model_wrapper=dict(
        type='MMFullyShardedDataParallel',
        use_orig_params=True,  # keeps norms and biases apart, which do not decay
        auto_wrap_policy=dict(type='torch.distributed.fsdp.wrap.size_based_auto_wrap_policy', min_num_params=15000000),
    ),  # each block of a huge encoder is a unit, and the decoder another
    state_dict_cfg='full',  # checkpoints look like those of one process
)
