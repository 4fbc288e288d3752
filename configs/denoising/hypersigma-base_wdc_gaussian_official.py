# The settings of the official code where the defaults of this toolbox differ; see the README.
_base_ = [
    '../_base_/models/hypersigma-base_hid.py',
    '../_base_/datasets/wdc_patches.py',
    '../_base_/schedules/hid_100e.py',
    '../_base_/restoration_runtime.py',
]

model = dict(
    generator=dict(
        backbone=dict(
            spatial=dict(
                img_size=_base_.tile_size,
                in_channels=_base_.num_bands,
                init_cfg=dict(type='Pretrained', checkpoint='hypersigma:spat-vit-base', skip=('patch_embed',)),
            ),
            spectral=dict(
                img_size=_base_.tile_size,
                init_cfg=dict(type='Pretrained', checkpoint='hypersigma:spec-vit-base', drop_first_token=True),
            ),
        ),  # treated as that of a class token
        neck=dict(spatial_refinement=dict(embed_dims=_base_.num_bands, img_size=(_base_.tile_size, _base_.tile_size))),
        head=dict(num_bands=_base_.num_bands),
    ),
    test_cfg=dict(tile_size=_base_.tile_size),
)

# the warm-up starts one epoch late: the first epoch has the full rate, the second half of it
param_scheduler = [
    dict(type='ConstantLR', factor=0.5, by_epoch=True, begin=1, end=3),  # the rate is restored in the second
    dict(type='CosineAnnealingLR', by_epoch=True, begin=2, end=100, T_max=98, eta_min=0),
]
randomness = dict(seed=2018)
