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
    _base_.anomaly: dict(note='No label is used. Auto-AD has half of its width and 200 of its 1000 iterations.'),
    _base_.change: dict(
        note='100 labelled pixels of each class train the networks; the detector sees no label. BIT and ChangeFormer '
        'learn from tiles of 32 pixels for 10 epochs, HyperSIGMA-T from windows of 5 pixels for 40.'
    ),
    _base_.denoising: dict(
        note='Gaussian noise of standard deviation 70 of 255 (case 1), on rows that no training has seen. QRNN3D has '
        '120 steps, HyperSIGMA-T 600.'
    ),
    _base_.enlarging: dict(note='MCNet has 120 steps, HyperSIGMA-T 240.'),
}
# what one core affords of the slow ones
few_epochs = {
    'train_cfg.max_epochs': 10,
    'param_scheduler.0.end': 1,
    'param_scheduler.1.begin': 1,
    'param_scheduler.1.end': 10,
    'param_scheduler.1.T_max': 9,
}
few_steps = {
    'train_cfg.max_iters': 120,
    'train_cfg.val_interval': 40,
    'param_scheduler.0.end': 10,
    'param_scheduler.1.begin': 10,
    'param_scheduler.1.end': 120,
    'param_scheduler.1.T_max': 110,
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
        cfg_options={'model.backbone.encoder.in_channels': 6, **few_epochs},
    ),
    dict(
        name='ChangeFormer, small',
        config='../change_detection/changeformer_hermiston.py',
        settings=[_base_.change],
        cfg_options={'model.backbone.encoder.in_channels': 6, **few_epochs},
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
        name='QRNN3D, narrow',
        config='../denoising/qrnn3d-tiny_indian-pines_gaussian.py',
        settings=[_base_.denoising],
        cfg_options=few_steps,
    ),
    dict(
        name='MCNet, narrow',
        config='../super_resolution/mcnet-tiny_houston-crop_x4.py',
        settings=[_base_.enlarging],
        cfg_options=few_steps,
    ),
    dict(
        name='Auto-AD',
        method='auto_ad',
        config='../anomaly_detection/spatsigma-tiny_indian-pines-implanted_anomaly.py',
        settings=[_base_.anomaly],
        scene=bands,
        options=dict(seed='{seed}', iterations=200, channels=64),
    ),
]
reference = 'best classical'
seeds = (0,)
