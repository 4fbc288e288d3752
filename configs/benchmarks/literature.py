# Networks of the literature beside HyperSIGMA-T, one scene of each task, under the same protocol: the same split, steps
# and choice of the state. Scenes as in other_tasks.py.
_base_ = ['indian-pines_settings.py', 'other_tasks.py']

classification = 'classification, Indian Pines'
settings = {
    classification: dict(
        scene=dict(split=dict(type='NumberSplit', train=10, val=5), fit_on='all'),
        note='Ten labels per class. SSFTT sees 30 components, SpectralFormer bands; windows have 13 pixels, those of '
        'A2S2K-ResNet 9 and of SpectralFormer 7, as published.',
    )
}
contestants = [
    *(
        dict(name=name, config=f'../classification/{config}_cls_indian-pines.py', settings=[classification])
        for name, config in (
            ('HyperSIGMA-T', 'hypersigma-tiny'),
            ('SSFTT', 'ssftt'),
            ('A2S2K-ResNet', 'a2s2k-resnet'),
            ('SpectralFormer', 'spectralformer'),
            ('HybridSN', 'hybridsn'),
        )
    ),
    *(
        contestant
        for contestant in _base_.contestants
        if contestant['name'] in ('HyperSIGMA-T', 'rx', 'low_rank', 'fcls', 'bicubic', 'cva')
        and _base_.target not in contestant['settings']
    ),
    dict(
        name='BIT, small',
        config='../change_detection/bit_hermiston.py',
        settings=[_base_.change],
        cfg_options={'model.backbone.encoder.in_channels': 6},
    ),
    dict(
        name='ChangeFormer, small',
        config='../change_detection/changeformer_hermiston.py',
        settings=[_base_.change],
        cfg_options={'model.backbone.encoder.in_channels': 6},
    ),
    dict(name='CNNAEU', config='../unmixing/cnnaeu_samson.py', settings=[_base_.unmixing]),
    dict(
        name='low_rank_non_local',
        method='low_rank_non_local',
        config='../denoising/spatsigma-tiny_indian-pines_gaussian.py',
        settings=[_base_.denoising],
    ),
    dict(
        name='QRNN3D, narrow', config='../denoising/qrnn3d-tiny_indian-pines_gaussian.py', settings=[_base_.denoising]
    ),
    dict(name='MCNet, narrow', config='../super_resolution/mcnet-tiny_houston-crop_x4.py', settings=[_base_.enlarging]),
    dict(
        name='Auto-AD',
        method='auto_ad',
        config='../anomaly_detection/spatsigma-tiny_indian-pines-implanted_anomaly.py',
        settings=[_base_.anomaly],
        options=dict(seed='{seed}', iterations=200, channels=64),
    ),
]
reference = 'HyperSIGMA-T'
seeds = (0,)
