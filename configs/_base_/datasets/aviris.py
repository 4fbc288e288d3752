# AVIRIS (San Diego airport, three aircraft, about 100 x 100 pixels).
_base_ = 'detection_tiles.py'

num_bands = 189  # of the usual copy without the water absorption bands; not stated by the official code
scene = dict(
    type='DetectionScene',
    name='aviris',
    data_root='{{$MMHSI_DATA:data}}/aviris',
    image=dict(path='aviris.mat', key='X'),
    labels=dict(path='aviris.mat', key='TL'),
    num_bands=num_bands,
    coarse=dict(path='coarse_det/AVIRIS.mat', key='AVIRIS'),  # or dict(detector='cem')
    pseudo_shares=dict(background=0.3, target=0.0015),
    target_spectrum=dict(select='mean'),  # of all target pixels of the ground truth, as is customary
    preprocessing=[dict(type='Standardize')],
)

train_dataloader = dict(dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
