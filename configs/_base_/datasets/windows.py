# Window protocol: a square window around a pixel gets the label of that pixel. A dataset file adds scene and window.
pack = dict(type='mmpretrain.PackInputs', meta_keys=('row', 'col', 'scene_name', 'scene_shape'))

train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='WindowDataset', subset='train', pipeline=[pack]),
)
val_dataloader = dict(
    batch_size=256,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='WindowDataset', subset='val', pipeline=[pack], test_mode=True),
)
# every pixel is classified, for the map; the scores are those of the test pixels
test_dataloader = dict(
    batch_size=256,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='WindowDataset', subset='all', evaluate_on='test', pipeline=[pack], test_mode=True),
)

val_evaluator = dict(type='SceneClassificationMetric')
test_evaluator = val_evaluator
