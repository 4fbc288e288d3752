# Overlapping tiles of Indian Pines without their labels, as large as the windows of the fine-tuning, so that whatever
# embeds the input transfers as well.
_base_ = 'indian-pines.py'

tile_size = 13  # pixels
num_bands = 200
preprocessing = [dict(type='SpectralPCA', n_components=num_bands, whiten=True)]  # of the fine-tuning
train_pipeline = [
    dict(type='RandomFlip', prob=[0.25, 0.25], direction=['horizontal', 'vertical']),
    dict(type='RandomRotate90'),
    dict(type='mmpretrain.PackInputs', meta_keys=('origin', 'wavelengths')),
]
train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='UnlabelledTileDataset',
        scene=dict(**_base_.scene, preprocessing=preprocessing),
        tile_size=tile_size,
        overlap=11,  # pixels: 4489 tiles
        pipeline=train_pipeline,
    ),
)
