# Recommended for your own scene: fill in `scene` (file, key, number or names of the endmembers, a truth if there
# is one) and nothing else, in a config that inherits this one. Numbers of bands and endmembers and the window follow
# from the scene. The network finds the endmembers, fully constrained least squares on spectra of norm 1 the abundances.
_base_ = [
    '../_base_/models/hypersigma-tiny_hiu.py',
    '../_base_/datasets/unmixing_tiny.py',
    '../_base_/schedules/hiu_tiny.py',
    '../_base_/default_runtime.py',
]

num_bands = 1  # this and the number of endmembers follow from the scene
num_endmembers = 2
size = 16  # pixels
scene = dict(
    type='UnmixingScene',
    image=dict(path='{{$MMHSI_DATA:data}}/mine/cube.tif'),
    # num_endmembers=4, or endmember_names=('soil', 'tree', 'water', 'roof')
    initial_endmembers=dict(type='vca', seed=0, draws=10),
    split=dict(type='CentreSplit', train=400, seed=0),
)
scene_settings = dict()

train_dataloader = dict(dataset=dict(scene=None))
test_dataloader = dict(dataset=dict(scene=None))
test_evaluator = dict(scene=None, abundances='least_squares')

model = dict(
    backbone=dict(spatial=dict(img_size=size, in_channels=num_bands), spectral=dict(img_size=size)),
    head=dict(num_endmembers=num_endmembers),
    decoder=dict(num_endmembers=num_endmembers, num_bands=num_bands),
)

default_hooks = dict(
    checkpoint=dict(save_best=None),
    classical=dict(type='ClassicalHook'),  # FCLS and L1/2-NMF after each test; None leaves them out
)
custom_hooks = [
    dict(type='InitialEndmemberHook', equal_norms=True),
    dict(type='NonNegativeEndmemberHook'),
    dict(type='EvenLightHook'),  # abundances of the spectra themselves where shares with their norms sum to one
]
