# HyperGlobal-450K: tiles of EO-1 Hyperion and GF-5B. tools/dataset_converters/hyperglobal.py writes shards of scenes; a
# folder of the published tiles in .mat files is read as it is.
tile_size = 64  # pixels
num_bands = 100  # of a window of consecutive bands

train_pipeline = [
    # the official code draws the window of a tile once for all epochs: per_sample=False
    dict(type='RandomBandWindow', num_bands=num_bands),
    dict(type='ScaleValues', factor=0.00025),  # divides by 4000, as the official code does
    # the official code does not change its tiles
    dict(type='RandomFlip', prob=[0.25, 0.25], direction=['horizontal', 'vertical']),
    dict(type='RandomRotate90'),
    dict(type='mmpretrain.PackInputs', meta_keys=('origin', 'band_start', 'wavelengths')),
]
train_dataloader = dict(
    batch_size=256,  # on 8 GPUs: 2048 per update
    num_workers=8,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='HSITileDataset', data_root='{{$MMHSI_DATA:data}}/hyperglobal', pipeline=train_pipeline),
)
