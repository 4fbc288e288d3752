# Blind unmixing: windows around random pixels for training, tiles that cover the scene for the test. No truth has any
# influence on the training. A dataset file adds scene, number of endmembers and window.
pack = dict(
    type='mmseg.PackSegInputs',
    meta_keys=('ori_shape', 'img_shape', 'top', 'left', 'overlap', 'scene_name', 'scene_shape'),
)
train_pipeline = [
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='RandomFlip', prob=0.5, direction='vertical'),
    pack,
]

train_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='WindowDataset', subset='train', pad_mode='symmetric', pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='TileDataset', subset='all', pipeline=[pack], test_mode=True),
)

test_evaluator = dict(type='SceneUnmixingMetric')
