# Jasper Ridge (AVIRIS, California, 100 x 100, 198 of 224 bands): four endmembers, whose names are in the file.
_base_ = 'unmixing_tiny.py'

num_bands = 198
num_endmembers = 4
scene = dict(
    type='UnmixingScene',
    name='jasper-ridge',
    data_root='{{$MMHSI_DATA:data}}/jasper_ridge',
    image=dict(path='jasperRidge2_R198.mat', key='Y', layout='cwh', size=(100, 100)),  # pixels column by column
    abundances=dict(path='end4.mat', key='A', layout='pwh'),
    endmembers=dict(path='end4.mat', key='M', layout='columns'),
    initial_endmembers=dict(type='vca', seed=0),
    endmember_names=dict(path='end4.mat', key='cood'),
    num_endmembers=num_endmembers,
    num_bands=num_bands,
    split=dict(type='CentreSplit', train=400, seed=0),
    # reflectance from the integers of the file; by the largest value, as packings differ in their factor
    preprocessing=[dict(type='MinMaxScale', per_band=False)],
)

train_dataloader = dict(dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
test_evaluator = dict(scene=scene)
