# Overlapping tiles of Indian Pines without their labels, for small networks.
_base_ = 'indian-pines.py'

tile_size = 32  # pixels
num_bands = 50  # of a window of consecutive bands
train_pipeline = [
    dict(type='RandomBandWindow', num_bands=num_bands),
    dict(type='RandomFlip', prob=[0.25, 0.25], direction=['horizontal', 'vertical']),
    dict(type='RandomRotate90'),
    dict(type='mmpretrain.PackInputs', meta_keys=('origin', 'band_start', 'wavelengths'))
]
train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='UnlabelledTileDataset',
        scene=dict(**_base_.scene, preprocessing=[dict(type='ScaleValues', factor=0.00025)]),
        tile_size=tile_size,
        overlap=24,  # pixels: 256 tiles
        pipeline=train_pipeline))
