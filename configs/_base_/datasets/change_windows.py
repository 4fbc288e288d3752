# Window protocol of change detection: a square window of two dates gets the label of the pixel in its middle. A dataset
# file adds scene and window. There is no validation, as in the official code: the state after the last epoch counts.
# hypersigma-base_hermiston_val.py shows how to hold pixels out for one.
pack = dict(type='mmpretrain.PackInputs', meta_keys=('row', 'col', 'scene_name', 'scene_shape'))

train_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='WindowDataset', subset='train', pad_mode='symmetric', pipeline=[pack]),
)
# every pixel is classified, for the map; the scores leave the training pixels out. The official code scores them too,
# which evaluate_on='labelled' repeats.
test_dataloader = dict(
    batch_size=256,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='WindowDataset', subset='all', evaluate_on='test', pad_mode='symmetric', pipeline=[pack], test_mode=True
    ),
)

test_evaluator = dict(type='SceneChangeMetric')
