# The settings of the official code where the defaults of this toolbox differ; see the README.
_base_ = 'hypersigma-base_houston_x8.py'

model = dict(
    generator=dict(
        backbone=dict(
            spatial=dict(
                init_cfg=dict(type='Pretrained', checkpoint='hypersigma:spat-vit-base', skip=('patch_embed',))
            ),
            spectral=dict(init_cfg=dict(type='Pretrained', checkpoint='hypersigma:spec-vit-base', skip=('spat_map',))),
        )
    ),
    test_cfg=dict(overlap=0),  # tiles side by side
)

val_dataloader = _base_.test_dataloader  # the best state is chosen on the test images
val_evaluator = dict(ergas_ratio=4, skip_zeros=True)  # ERGAS becomes twice as large
test_evaluator = val_evaluator

randomness = dict(seed=3000)
env_cfg = dict(cudnn_benchmark=True)
