# Viareggio. The official code has no reader for it: file names and keys are our choice, laid out as the other two.
_base_ = 'detection_tiles.py'

num_bands = 128  # our choice: set it to that of your file
scene = dict(
    type='DetectionScene',
    name='viareggio',
    data_root='{{$MMHSI_DATA:data}}/viareggio',
    image=dict(path='viareggio.mat', key='hsi'),
    labels=dict(path='viareggio.mat', key='hsi_gt'),
    classes=('background', 'anomaly'),
    num_bands=num_bands,
    coarse=dict(path='coarse_det/Viareggio_coarse_det_map.mat', key='show'),  # or dict(detector='rx')
    pseudo_shares=dict(background=0.3, target=0.0015),
    preprocessing=[dict(type='Standardize')],
)

train_dataloader = dict(batch_size=1, dataset=dict(scene=scene))
test_dataloader = dict(batch_size=1, dataset=dict(scene=scene))
