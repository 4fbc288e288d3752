# Samson (SAMSON, 95 x 95, 156 bands, 401 to 889 nm): soil, tree, water.
_base_ = 'unmixing_tiny.py'

num_bands = 156
num_endmembers = 3
scene = dict(
    type='UnmixingScene',
    name='samson',
    data_root='{{$MMHSI_DATA:data}}/samson',
    image=dict(path='Samson.mat', key='Y', layout='cwh', size=(95, 95)),  # pixels column by column
    # abundances of spectra without their brightness: each spectrum of GT is scaled to a largest value of 1
    abundances=dict(path='Samson.mat', key='S_GT', layout='hwp'),
    endmembers=dict(path='Samson.mat', key='GT', layout='rows'),
    initial_endmembers=dict(type='vca', seed=0),
    endmember_names=('soil', 'tree', 'water'),
    num_bands=num_bands,
    split=dict(type='CentreSplit', train=400, seed=0),
)

train_dataloader = dict(dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
test_evaluator = dict(scene=scene)
