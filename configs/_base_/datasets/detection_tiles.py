# Tile protocol of target and anomaly detection: training tiles carry the pseudo-labels of a coarse detector, the scores
# are those of all pixels with a ground truth. A dataset file adds the scene. There is no validation, as in the official
# code: the state after the last epoch counts, so that no label chooses it.
tile_size = 32  # pixels; a smaller scene is mirrored to fill a tile
tile_overlap = 16
pack = dict(
    type='mmseg.PackSegInputs',
    meta_keys=('ori_shape', 'img_shape', 'top', 'left', 'overlap', 'scene_name', 'scene_shape', 'target_spectrum'),
)

train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,  # True in the official code, which leaves no training tile of a scene of one tile
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='TileDataset', subset='pseudo', tile_size=tile_size, overlap=tile_overlap, pipeline=[pack]),
)
test_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='TileDataset',
        subset='all',
        evaluate_on='labelled',
        tile_size=tile_size,
        overlap=tile_overlap,
        pipeline=[pack],
        test_mode=True,
    ),
)

test_evaluator = dict(type='SceneDetectionMetric')
