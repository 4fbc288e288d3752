# Tile protocol: every pixel of a tile gets a label. A dataset file adds the scene.
tile_size = 128  # pixels
tile_overlap = 32
pack = dict(
    type='mmseg.PackSegInputs',
    meta_keys=('ori_shape', 'img_shape', 'top', 'left', 'overlap', 'scene_name', 'scene_shape'),
)

train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='TileDataset', subset='train', tile_size=tile_size, overlap=tile_overlap, pipeline=[pack]),
)
val_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='TileDataset', subset='val', tile_size=tile_size, overlap=tile_overlap, pipeline=[pack], test_mode=True
    ),
)
# every tile is classified, for the map; the scores are those of the test pixels
test_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='TileDataset',
        subset='all',
        evaluate_on='test',
        tile_size=tile_size,
        overlap=tile_overlap,
        pipeline=[pack],
        test_mode=True,
    ),
)

val_evaluator = dict(type='SceneClassificationMetric')
test_evaluator = val_evaluator
