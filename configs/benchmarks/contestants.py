# The methods compared on Indian Pines. Networks by windows see 13 x 13 pixels of whitened components (the 3-D CNN 5 x
# 5) and make 60 epochs in batches of 32 (20 where there are many labels); networks by tiles see the whole scene and
# make 300 steps. All choose their state on the validation pixels and none is pre-trained.
full_attention = {  # every block of both branches attends to all tokens
    'model.backbone.spatial.full_attn_interval': 1,
    'model.backbone.spectral.full_attn_interval': 1,
}
full_spatial_attention = {'model.backbone.full_attn_interval': 1}
twenty_epochs = {
    'train_cfg.max_epochs': 20,
    'train_cfg.val_begin': 10,
    'param_scheduler.0.end': 2,
    'param_scheduler.1.begin': 2,
    'param_scheduler.1.end': 20,
    'param_scheduler.1.T_max': 18,
}
five_seeds = (0, 1, 2, 3, 4)
folder = '../classification/'

windows = [
    dict(name='HyperSIGMA-T', config=folder + 'hypersigma-tiny_cls_indian-pines.py', seeds=five_seeds),
    dict(
        name='HyperSIGMA-T, full attention',
        config=folder + 'hypersigma-tiny_cls_indian-pines.py',
        cfg_options=full_attention,
    ),
    dict(
        name='HyperSIGMA-T, smoothed', config=folder + 'hypersigma-tiny_cls_indian-pines_smoothed.py', seeds=five_seeds
    ),
    dict(name='SpatSIGMA-T', config=folder + 'spatsigma-tiny_cls_indian-pines.py', seeds=five_seeds),
    dict(
        name='SpatSIGMA-T, full attention',
        config=folder + 'spatsigma-tiny_cls_indian-pines.py',
        cfg_options=full_spatial_attention,
    ),
    dict(name='ResNet-18', config=folder + 'resnet-18_cls_indian-pines.py'),
    dict(name='ViT-T', config=folder + 'vit-tiny_cls_indian-pines.py'),
    dict(name='3-D CNN', config=folder + 'cnn-3d_cls_indian-pines.py'),
    dict(name='HybridSN', config=folder + 'hybridsn_cls_indian-pines.py'),
]
small = [
    dict(name='HyperSIGMA-S', config=folder + 'hypersigma-small_cls_indian-pines.py'),
    dict(
        name='HyperSIGMA-S, full attention',
        config=folder + 'hypersigma-small_cls_indian-pines.py',
        cfg_options=full_attention,
    ),
    dict(name='SpatSIGMA-S', config=folder + 'spatsigma-small_cls_indian-pines.py'),
    dict(
        name='SpatSIGMA-S, full attention',
        config=folder + 'spatsigma-small_cls_indian-pines.py',
        cfg_options=full_spatial_attention,
    ),
]
wide = [  # for few labels
    dict(
        name='HyperSIGMA-T, smoothed, wide',
        seeds=five_seeds,
        config=folder + 'hypersigma-tiny-wide_cls_indian-pines_smoothed.py',
    ),
    dict(name='MLP, smoothed', config=folder + 'mlp_cls_indian-pines_smoothed.py', seeds=five_seeds),
]
# Their training sees the values of all pixels of the scene, whatever the split: they are no part of strict settings.
tiles = [
    dict(name='UPerNet-R18', config=folder + 'upernet-r18_seg_indian-pines.py'),
    dict(name='SegFormer-B0', config=folder + 'segformer-b0_seg_indian-pines.py'),
]
scene_of = folder + 'hypersigma-tiny_cls_indian-pines.py'
noise_fractions = dict(preprocessing=[dict(type='MinimumNoiseFraction', n_components=200, power=0.15)])
bands = dict(preprocessing=[])  # each band is standardised by the classifier itself, on the training pixels
classical = [
    dict(name='SVM', method='svm', config=scene_of, scene=bands, options=dict(seed='{seed}')),
    dict(name='random forest', method='forest', config=scene_of, scene=bands, options=dict(seed='{seed}')),
    # the components of the networks, smoothed by a Gaussian whose width (pixels) is chosen on the validation pixels
    dict(
        name='SVM, smoothed',
        method='svm',
        config=scene_of,
        seeds=five_seeds,
        options=dict(seed='{seed}', smoothing=(1.0, 2.0, 3.0, 4.0)),
    ),
    dict(
        name='SVM, smoothed noise fraction',
        method='svm',
        config=scene_of,
        seeds=five_seeds,
        scene=noise_fractions,
        options=dict(seed='{seed}', smoothing=(1.0, 2.0, 3.0, 4.0)),
    ),
]
