custom_imports = dict(imports=['mmhsi'], allow_failed_imports=False)
default_scope = 'mmhsi'

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=10),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='SafeCheckpointHook', interval=10, max_keep_ckpts=1, save_best='OA', rule='greater'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    seed=dict(type='IterationSeedHook'),
    resume=dict(type='ExactResumeHook'),  # a resumed run repeats an uninterrupted one
    preemption=dict(type='PreemptionHook'),  # SIGTERM and Ctrl-C save and end the run
    mean_loss=dict(type='MeanLossHook'),
    loss=dict(type='NonFiniteLossHook'),  # NaN stops the run before it reaches the weights
    check=dict(type='ExperimentCheckHook'),  # refuses a model that does not suit its scenes
    state=dict(type='SceneStateHook'),  # keeps the split and the fitted transforms with the run and its checkpoints
    filters=dict(type='WindowFilterHook'),  # smooths scenes instead of window after window
    progress=dict(type='SceneProgressHook'),
    result=dict(type='SceneResultHook'),  # writes maps, pictures and metrics after a test
)

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl', timeout=1800),  # seconds that a process waits for another
)

vis_backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
visualizer = dict(type='Visualizer', vis_backends=vis_backends)

randomness = dict(seed=0)
log_level = 'INFO'
load_from = None
resume = False
