# DeepSpeed's ZeRO stage 3 in bfloat16, the other way to share out parameters, gradients and optimiser state. Install
# the package by hand (pip install deepspeed). A config that inherits this adds
# optim_wrapper=dict(type='DeepSpeedOptimWrapper'). Not run so far: no machine with it was at hand.
runner_type = 'FlexibleRunner'
strategy = dict(
    type='DeepSpeedStrategy',
    bf16=dict(enabled=True),
    inputs_to_half=['inputs'],
    zero_optimization=dict(
        stage=3, overlap_comm=True, contiguous_gradients=True, stage3_gather_16bit_weights_on_model_save=True
    ),  # the last checkpoint of a run can be used without it
)
