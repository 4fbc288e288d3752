# One real scene of each of the other tasks: tiny networks from scratch and the classical methods of the task. The
# environment variable MMHSI_TEST_DATA names the folder of the scenes; where each is published is in the README of its
# task. Indian Pines, of the denoising, lies below MMHSI_DATA as usual.
data = '{{$MMHSI_TEST_DATA:data}}'
target, anomaly, change = 'target detection, San Diego', 'anomaly detection, ABU Urban 2', 'change detection, Taizhou'
unmixing, denoising, enlarging = 'unmixing, Samson', 'denoising, Indian Pines', 'super-resolution x4, Houston crop'
standardised = dict(preprocessing=[dict(type='Standardize')])  # what classical detectors see
two_classes = dict(background=0)

settings = {
    target: dict(
        scene=dict(
            data_root=data + '/target_detection/sandiego-1',
            name='sandiego-1',
            num_bands=None,
            image=dict(path='Sandiego.mat', key='Sandiego'),
            labels=dict(path='Sandiego.mat', key='Sandiego_gt'),
            label_codes=dict(two_classes, target=1),
            target_spectrum=dict(select='mean'),
        ),
        scores=dict(AUC=4, AUC_OA=4),
        note='The target spectrum is the mean of the target pixels of the ground truth; no other label is used.',
    ),
    anomaly: dict(
        scene=dict(
            data_root=data + '/anomaly_detection/abu-urban-2',
            name='abu-urban-2',
            num_bands=None,
            image=dict(path='abu-urban-2.mat', key='data'),
            labels=dict(path='abu-urban-2.mat', key='map'),
            label_codes=dict(two_classes, anomaly=1),
        ),
        scores=dict(AUC=4, AUC_OA=4),
        note='No label is used.',
    ),
    change: dict(
        scene=dict(
            data_root=data + '/change_detection/taizhou-landsat',
            name='taizhou',
            num_bands=6,
            image=('2000TM', '2003TM'),
            label_codes=None,
            labels=[
                dict(path='change.bmp', codes=dict(changed=255)),
                dict(path='unchanged.bmp', codes=dict(unchanged=255)),
            ],
            split=dict(type='NumberSplit', train=100, val=0),
        ),
        scores=dict(F1=4, kappa=4, OA=4),
        note='100 labelled pixels of each class train the networks and the support vector machines; the detectors see '
        'no label.',
    ),
    unmixing: dict(
        scene=dict(data_root=data + '/unmixing/samson', initial_endmembers=dict(type='vca', seed='{seed}')),
        scores=dict(mSAD=4, aRMSE=4),
        note='Less is better. All start from vertex component analysis with the seed.',
    ),
    denoising: dict(
        scores=dict(PSNR=2, SSIM=4, SAM=2),
        note='Gaussian noise of standard deviation 70 of 255 (case 1), on rows that no training has seen.',
    ),
    enlarging: dict(
        scene=dict(data_root=data + '/classification/houston2018-crop'), scores=dict(PSNR=2, SSIM=4, SAM=3)
    ),
}
networks = {
    target: ('target_detection', 'indian-pines-implanted'),
    anomaly: ('anomaly_detection', 'indian-pines-implanted_anomaly'),
    change: ('change_detection', 'hermiston'),
    unmixing: ('unmixing', 'samson'),
    denoising: ('denoising', 'indian-pines_gaussian'),
    enlarging: ('super_resolution', 'houston-crop_x4'),
}
bands_of_change = {  # of one date
    'HyperSIGMA-T': {'model.backbone.encoder.spatial.in_channels': 6},
    'SpatSIGMA-T': {'model.backbone.encoder.in_channels': 6},
    'ResNet-18': {'model.backbone.encoder.in_channels': 6},
}
others = {
    target: ('ResNet-18', 'resnet-18'),
    anomaly: ('UPerNet-R18', 'upernet-r18'),
    change: ('ResNet-18', 'resnet-18'),
    unmixing: ('ResNet-18', 'resnet-18'),
    denoising: ('NAFNet-T', 'nafnet-tiny'),
    enlarging: ('EDSR-T', 'edsr-tiny'),
}
methods = {  # by name; those that have another name or options as (name, method, options)
    target: ('cem', 'ace', 'mf', 'sam', 'osp'),
    anomaly: ('rx', 'local_rx', 'crd'),
    change: (
        'cva',
        'isfa',
        'pca_cva',
        ('SVM, differences', 'svm', dict(difference=True)),
        ('SVM, smoothed differences', 'svm', dict(difference=True, smoothing=1.0)),
    ),
    unmixing: (
        'fcls',
        ('fcls, norm 1', 'fcls', dict(unit_norm=True)),
        'sparse_nmf',
        ('sparse_nmf, norm 1', 'sparse_nmf', dict(unit_norm=True)),
    ),
    denoising: ('low_rank', 'wavelet', 'low_rank_wavelet', 'low_rank_non_local', 'robust_low_rank'),
    enlarging: ('bicubic', 'lanczos', 'spline'),
}

contestants = [
    *(
        dict(
            name=name,
            config=f'../{folder}/{model}_{dataset}.py',
            settings=[setting],
            cfg_options=bands_of_change[name] if setting == change else {},
        )
        for setting, (folder, dataset) in networks.items()
        for name, model in (('HyperSIGMA-T', 'hypersigma-tiny'), ('SpatSIGMA-T', 'spatsigma-tiny'), others[setting])
    ),
    # the start of the unmixing and the labelled pixels of the change depend on a seed
    *(
        dict(
            name=name,
            method=method,
            options=options,
            settings=[setting],
            seeds=(0, 1, 2) if setting == unmixing or method == 'svm' else (0,),
            config=f'../{networks[setting][0]}/spatsigma-tiny_{networks[setting][1]}.py',
            scene=standardised if setting in (target, anomaly) or method == 'svm' else {},
        )
        for setting, listed in methods.items()
        for name, method, options in ((one, one, {}) if isinstance(one, str) else one for one in listed)
    ),
]
scores = dict(OA=4)
reference = 'best classical'
seeds = (0, 1, 2)
