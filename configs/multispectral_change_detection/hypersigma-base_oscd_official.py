# The settings of the official code: the published encoders, the constants of ImageNet applied to the stored values of
# all bands, training on all 14 cities with crops that are always rotated, the best state chosen on the test cities,
# windows at the borders counted repeatedly.
_base_ = 'hypersigma-base_oscd.py'

model = dict(
    backbone=dict(
        encoder=dict(
            spatial=dict(
                init_cfg=dict(type='Pretrained', checkpoint='hypersigma:spat-vit-base', skip=('patch_embed',))
            ),
            spectral=dict(init_cfg=dict(type='Pretrained', checkpoint='hypersigma:spec-vit-base', skip=('spat_map',))),
        )
    ),
    test_cfg=dict(repeat_border_windows=True),
)

preprocessing = [dict(type='ScaleValues', factor=0.017124754, offset=-2.1179039)]  # (x - 123.675) / 58.395
crop, flip, flop, _, pack = _base_.train_pipeline
train_pipeline = [crop, flip, flop, dict(type='RandomRotate90', turns=(1, 2, 3)), pack]
train_dataloader = dict(dataset=dict(scene=dict(preprocessing=preprocessing), exclude=[], pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(scene=dict(preprocessing=preprocessing), names=_base_.test_cities))
test_dataloader = dict(dataset=dict(scene=dict(preprocessing=preprocessing)))
