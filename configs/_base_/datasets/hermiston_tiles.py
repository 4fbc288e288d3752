# Small tiles for networks trained from scratch: standardised bands, each date by its own statistics, which evens out
# the light, and augmented tiles.
_base_ = ['hermiston.py', 'change_tiles.py']

tile_size = 32  # pixels
tile_overlap = 8  # pixels
scene = dict(_base_.scene, preprocessing=[dict(type='Standardize')], joint=False)
train_pipeline = [
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomRotate90'),
    dict(type='RandomBandNoise', sigma=0.3, prob=1.),
    _base_.pack
]

train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(scene=scene, tile_size=tile_size, overlap=tile_overlap, pipeline=train_pipeline))
test_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(scene=scene, tile_size=tile_size, overlap=tile_overlap))
