# Super-resolution on one scene: crops of its training rectangles are reduced in the pipeline; the rectangles for
# validation and test are images as they are. A dataset file adds scene, areas, crop_size, stride and the scale.
pack = dict(type='PackRestoration')

train_dataloader = dict(
    batch_size=4, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=True), dataset=dict(type='CropDataset')
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='CropDataset', test_mode=True),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='CropDataset', test_mode=True),
)

val_evaluator = dict(type='RestorationMetric')
test_evaluator = val_evaluator
