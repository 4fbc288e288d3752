# Urban (HYDICE, Copperas Cove, 307 x 307) as the official code reads it. The file name says 188 bands, the cube has
# 162. The values are used as they are stored.
_base_ = 'unmixing.py'

num_bands = 162
num_endmembers = 4
window_size = 64  # pixels
scene = dict(
    type='UnmixingScene',
    name='urban',
    data_root='{{$MMHSI_DATA:data}}/urban',
    image=dict(path='Urban_188_em4_init.mat', key='img_3d', layout='chw'),
    abundances=dict(path='Urban_188_em4_init.mat', key='abundance', layout='phw'),
    endmembers=dict(path='Urban_188_em4_init.mat', key='endmember', layout='columns'),
    initial_endmembers=dict(path='Urban_188_em4_init.mat', key='init_em', layout='columns'),
    endmember_names=('asphalt', 'grass', 'tree', 'roof'),
    num_bands=num_bands,
    split=dict(type='CentreSplit', train=400, seed=0),  # the seed is that of the run; the official script takes 1
)

train_dataloader = dict(dataset=dict(scene=scene, window_size=window_size))
test_dataloader = dict(dataset=dict(scene=scene, tile_size=window_size, overlap=16))
test_evaluator = dict(scene=scene)
