# All anomaly scenes: a tiny network from scratch and the classical detectors. MMHSI_TEST_DATA names the folder of the
# scenes; where each is published is in the README of the task.
data = '{{$MMHSI_TEST_DATA:data}}/anomaly_detection/'
abu = [
    *(f'ABU Airport {number}' for number in (1, 2, 3)),
    *(f'ABU Beach {number}' for number in (1, 4)),
    *(f'ABU Urban {number}' for number in (1, 2, 4, 5)),
]
scenes = {  # folder, file, key of the image, file and key of the labels
    **{
        name: (folder, f'{folder}.mat', 'data', f'{folder}.mat', 'map')
        for name, folder in ((name, name.lower().replace(' ', '-')) for name in abu)
    },
    'HYDICE Urban': ('hydice-urban', 'HYDICE_urban.mat', 'data', 'HYDICE_urban.mat', 'map'),
    'MUUFL campus': ('muufl-gulfport', 'MUUFL.mat', 'data', 'MUUFL.mat', 'groundtruth'),
    'Pavia Centre, bridge': ('pavia-centre-bridge', 'dataPavia.mat', 'PaviaCenter', 'maskPavia.mat', 'mask'),
}
settings = {
    name: dict(
        scene=dict(
            data_root=data + folder,
            name=folder,
            num_bands=None,
            image=dict(path=image, key=key),
            labels=dict(path=labels, key=labels_key),
            label_codes=dict(background=0, anomaly=1),
        )
    )
    for name, (folder, image, key, labels, labels_key) in scenes.items()
}
contestants = [
    dict(name='HyperSIGMA-T', config='../anomaly_detection/hypersigma-tiny_indian-pines-implanted_anomaly.py'),
    *(
        dict(
            name=method,
            method=method,
            seeds=(0,),
            config='../anomaly_detection/spatsigma-tiny_indian-pines-implanted_anomaly.py',
            scene=dict(preprocessing=[dict(type='Standardize')]),
        )
        for method in ('rx', 'local_rx', 'crd')
    ),
]
scores = dict(AUC=4, AUC_OA=4)
reference = 'best classical'
seeds = (0, 1, 2)
