# What each ingredient brings to the tiny HyperSIGMA with ten labels per class: one is taken away at a time.
_base_ = ['contestants.py', 'indian-pines_settings.py']

folder = '../classification/'
config = folder + 'hypersigma-tiny-wide_cls_indian-pines_smoothed.py'
contestants = [
    dict(name='all ingredients', config=config),
    dict(
        name='deep path alone, Mixup instead of noise', config=folder + 'hypersigma-tiny_cls_indian-pines_smoothed.py'
    ),
    dict(name='wide path alone', config=folder + 'mlp_cls_indian-pines_smoothed.py'),
    dict(name='without noise in front of the deep path', config=config, cfg_options={'model.noise_std': 0.0}),
    dict(name='full instead of sparse attention', config=config, cfg_options=_base_.full_attention),
    dict(
        name='principal components instead of noise fractions',
        config=config,
        scene=dict(preprocessing=[dict(type='SpectralPCA', n_components=200, whiten=True)]),
    ),
    dict(
        name='windows moved by up to a pixel',
        config=config,
        cfg_options={'train_dataloader.dataset.pipeline.0.jitter': 1},
    ),
    dict(
        name='without layer scale',
        config=config,
        cfg_options={
            'model.backbone.spatial.layer_scale_init_value': None,
            'model.backbone.spectral.layer_scale_init_value': None,
        },
    ),
    dict(name='without averaged weights', config=config, cfg_options={'custom_hooks': []}),
    dict(
        name='deep path alone, windows of 13 pixels instead of smoothed ones',
        config=folder + 'hypersigma-tiny_cls_indian-pines.py',
        scene=_base_.noise_fractions,
    ),
    dict(
        name='deep path alone, windows of 13 pixels of principal components',
        config=folder + 'hypersigma-tiny_cls_indian-pines.py',
    ),
]
settings = {'10 per class': _base_.customary['10 per class']}
scores = dict(OA=4, AA=4, kappa=4)
reference = 'all ingredients'
seeds = _base_.five_seeds
