# 34 x 78 pixels of Urban (HYDICE, 162 bands) with their part of the abundances of the whole scene.
_base_ = 'unmixing_tiny.py'

num_bands = 162
num_endmembers = 4
scene = dict(
    type='UnmixingScene',
    name='urban-crop',
    data_root='{{$MMHSI_DATA:data}}/urban_crop',
    image=dict(path='subimage_Urban_R162.mat', key='im', layout='hwc'),
    # where the abundances agree best with what the image gives with these endmembers
    abundances=dict(path='_EndUrban_R162.mat', key='A', layout='pwh', size=(307, 307), window=(223, 149, 34, 78)),
    endmembers=dict(path='_EndUrban_R162.mat', key='M', layout='columns'),
    initial_endmembers=dict(type='vca', seed=0),
    endmember_names=('asphalt', 'grass', 'tree', 'roof'),
    num_bands=num_bands,
    split=dict(type='CentreSplit', train=400, seed=0),
)

train_dataloader = dict(dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
test_evaluator = dict(scene=scene)
