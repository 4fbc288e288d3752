# Networks of the literature compared with HyperSIGMA-T, one scene of each task, under the same protocol: the same
# split, steps and choice of the state. Scenes as in other_tasks.py.
_base_ = ['indian-pines_settings.py', 'other_tasks.py']

classification = 'classification, Indian Pines'
implanted = 'target detection, Indian Pines with implanted targets'
settings = {
    classification: dict(
        scene=dict(split=dict(type='NumberSplit', train=10, val=5), fit_on='all'),
        scores=dict(OA=4, AA=4, kappa=4),
        note='Ten labels per class. SSFTT sees 30 components, SpectralFormer and MambaHSI bands; windows have 13 '
        'pixels, those of A2S2K-ResNet 9 and of SpectralFormer 7, as published; MambaHSI sees tiles of 48 pixels.',
    ),
    implanted: dict(
        scores=dict(AUC=4, AUC_OA=4),
        note='Pixels of which 10 to 80 % are the mean spectrum of the stone and steel towers, with noise of 40 dB.',
    ),
}
targets = [_base_.target, implanted]
bands = dict(preprocessing=[])  # of networks of detection, which scale the scene themselves
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
    dict(
        name='MambaHSI, narrow',
        config='../classification/mamba-hsi-narrow_seg_indian-pines.py',
        settings=[classification],
    ),
    *(
        # the targets of both scenes are looked for by the same methods
        dict(contestant, settings=targets) if _base_.target in contestant['settings'] else contestant
        for contestant in _base_.contestants
        if contestant['name'] in ('HyperSIGMA-T', 'rx', 'low_rank', 'fcls', 'bicubic', 'cva', 'ace', 'cem')
    ),
    dict(
        name='TSTTD, narrow',
        method='tsttd',
        config='../target_detection/spatsigma-tiny_indian-pines-implanted.py',
        settings=targets,
        scene=bands,
        options=dict(seed='{seed}', stride=8, channels=64, iterations=500),
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
    dict(name='DeepTrans', config='../unmixing/deep-trans_samson.py', settings=[_base_.unmixing]),
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
        scene=bands,
        options=dict(seed='{seed}', iterations=200, channels=64),
    ),
]
reference = 'HyperSIGMA-T'
seeds = (0,)
