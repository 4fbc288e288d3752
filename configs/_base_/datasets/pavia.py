# Pavia (ROSIS, Pavia Centre with a bridge, 108 x 120 pixels, 102 bands, 43 anomalous pixels). File names as published.
_base_ = 'detection_tiles.py'

num_bands = 102
scene = dict(
    type='DetectionScene',
    name='pavia',
    data_root='{{$MMHSI_DATA:data}}/pavia',
    image=dict(path='Paiva_108_120_102_43.mat', key='hsi'),
    labels=dict(path='Paiva_108_120_102_43.mat', key='hsi_gt'),
    classes=('background', 'anomaly'),
    num_bands=num_bands,
    coarse=dict(path='coarse_det/Pavia_coarse_det_map.mat', key='show'),  # or dict(detector='rx')
    pseudo_shares=dict(background=0.3, target=0.0015),
    preprocessing=[dict(type='Standardize')],
)

train_dataloader = dict(batch_size=1, dataset=dict(scene=scene))
test_dataloader = dict(batch_size=1, dataset=dict(scene=scene))
