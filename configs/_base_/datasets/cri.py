# Cri (Nuance CRI, stones on grass, 400 x 400 pixels, 46 bands, 1254 anomalous pixels).
_base_ = 'detection_tiles.py'

num_bands = 46
scene = dict(
    type='DetectionScene',
    name='cri',
    data_root='{{$MMHSI_DATA:data}}/cri',
    image=dict(path='Nuance_Cri_400_400_46_1254.mat', key='hsi'),
    labels=dict(path='Nuance_Cri_400_400_46_1254.mat', key='hsi_gt'),
    classes=('background', 'anomaly'),
    num_bands=num_bands,
    coarse=dict(path='coarse_det/Cri_coarse_det_map.mat', key='show'),  # or dict(detector='rx')
    pseudo_shares=dict(background=0.3, target=0.0015),
    preprocessing=[dict(type='Standardize')],
)

train_dataloader = dict(batch_size=1, dataset=dict(scene=scene))
test_dataloader = dict(batch_size=1, dataset=dict(scene=scene))
