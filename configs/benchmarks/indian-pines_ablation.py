# What each ingredient brings to the tiny HyperSIGMA with ten labels per class: one is taken away at a time.
_base_ = ['contestants.py', 'indian-pines_settings.py']

config = '../classification/hypersigma-tiny_cls_indian-pines_smoothed.py'
contestants = [
    dict(name='all ingredients', config=config),
    dict(name='full instead of sparse attention', config=config, cfg_options=_base_.full_attention),
    dict(name='principal components instead of noise fractions', config=config,
         scene=dict(preprocessing=[dict(type='SpectralPCA', n_components=200, whiten=True)])),
    dict(name='windows of 13 pixels instead of smoothed ones',
         config='../classification/hypersigma-tiny_cls_indian-pines.py',
         scene=_base_.noise_fractions),
    dict(name='windows of 13 pixels of principal components',
         config='../classification/hypersigma-tiny_cls_indian-pines.py'),
    dict(name='windows moved by up to a pixel', config=config,
         cfg_options={'train_dataloader.dataset.pipeline.0.jitter': 1}),
    dict(name='without layer scale', config=config,
         cfg_options={'model.backbone.spatial.layer_scale_init_value': None,
                      'model.backbone.spectral.layer_scale_init_value': None}),
    dict(name='without Mixup', config=config, cfg_options={'model.data_preprocessor.batch_augments': None}),
    dict(name='without averaged weights', config=config, cfg_options={'custom_hooks': []}),
]
settings = {'10 per class': _base_.customary['10 per class']}
scores = dict(OA=4, AA=4, kappa=4)
reference = 'all ingredients'
seeds = _base_.five_seeds
