# Tile protocol of change detection: every pixel of a tile of two dates gets a label. A dataset file adds scene, tile
# and overlap. The official code has this protocol for other tasks only.
pack = dict(
    type='mmseg.PackSegInputs',
    meta_keys=('ori_shape', 'img_shape', 'top', 'left', 'overlap', 'scene_name', 'scene_shape'),
)

train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='TileDataset', subset='train', pipeline=[pack]),
)
# every tile is labelled, for the map; the scores leave the training pixels out
test_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='TileDataset', subset='all', evaluate_on='test', pipeline=[pack], test_mode=True),
)

test_evaluator = dict(type='SceneChangeMetric')
