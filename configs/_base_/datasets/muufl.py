# MUUFL Gulfport (CASI, 90 x 90 crop of the campus, 64 bands): five endmembers, which the file does not name.
_base_ = 'unmixing_tiny.py'

num_bands = 64
num_endmembers = 5
scene = dict(
    type='UnmixingScene',
    name='muufl',
    data_root='{{$MMHSI_DATA:data}}/muufl',
    image=dict(path='muffle_dataset_130_90.mat', key='Y', layout='hwc'),
    abundances=dict(path='muffle_dataset_130_90.mat', key='label', layout='hwp'),
    endmembers=dict(path='muffle_dataset_130_90.mat', key='M', layout='columns'),
    initial_endmembers=dict(type='vca', seed=0),
    num_endmembers=num_endmembers,
    num_bands=num_bands,
    split=dict(type='CentreSplit', train=400, seed=0),
)

train_dataloader = dict(dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
test_evaluator = dict(scene=scene)
