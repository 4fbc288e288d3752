# 100 labelled pixels per class are held out to watch the training and to keep the best state; the official code tests
# the last one.
_base_ = 'hypersigma-base_hermiston.py'

split = dict(val=100)

train_dataloader = dict(dataset=dict(scene=dict(split=split)))
val_dataloader = dict(
    batch_size=256,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='WindowDataset',
        scene=dict(_base_.scene, split=dict(_base_.scene.split, **split)),
        subset='val',
        window_size=_base_.window_size,
        pad_mode='symmetric',
        pipeline=[_base_.pack],
        test_mode=True,
    ),
)
test_dataloader = dict(dataset=dict(scene=dict(split=split)))

val_evaluator = dict(type='SceneChangeMetric')
val_cfg = dict()
train_cfg = dict(val_interval=5)
default_hooks = dict(checkpoint=dict(save_best='F1'))
