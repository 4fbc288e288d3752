# Mosaic (a scene of the SHARE 2012 campaign at Avon, New York). Size and bands are not stated by the official code.
_base_ = 'detection_tiles.py'

num_bands = 120  # our choice: set it to that of your file
scene = dict(
    type='DetectionScene',
    name='mosaic',
    data_root='{{$MMHSI_DATA:data}}/mosaic',
    image=dict(path='mosaic.mat', key='X'),
    labels=dict(path='mosaic.mat', key='TL'),
    num_bands=num_bands,
    coarse=dict(path='coarse_det/Mosaic.mat', key='Mosaic'),  # or dict(detector='cem')
    pseudo_shares=dict(background=0.3, target=0.0015),
    target_spectrum=dict(select='mean'),  # of all target pixels of the ground truth, as is customary
    preprocessing=[dict(type='Standardize')],
)

train_dataloader = dict(dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
