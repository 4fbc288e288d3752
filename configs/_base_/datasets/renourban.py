# Renourban. The official code has no reader for it: file names and keys are our choice, laid out as the other two.
_base_ = 'detection_tiles.py'

num_bands = 120  # our choice: set it to that of your file
scene = dict(
    type='DetectionScene',
    name='renourban',
    data_root='{{$MMHSI_DATA:data}}/renourban',
    image=dict(path='renourban.mat', key='X'),
    labels=dict(path='renourban.mat', key='TL'),
    num_bands=num_bands,
    coarse=dict(path='coarse_det/Renourban.mat', key='Renourban'),  # or dict(detector='cem')
    pseudo_shares=dict(background=0.3, target=0.0015),
    target_spectrum=dict(select='mean'),  # of all target pixels of the ground truth, as is customary
    preprocessing=[dict(type='Standardize')],
)

train_dataloader = dict(dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
