# Recommended for your own pair: fill in `scene` (files of both dates, keys, codes of the labels) and nothing
# else, in a config that inherits this one. Some labelled pixels of both classes are needed. The number of bands follows
# from the scene; classical classifiers in addition to the network are weighted, and a temperature is chosen, on the
# validation pixels.
_base_ = [
    '../_base_/models/hypersigma-tiny_hcd.py',
    '../_base_/datasets/change_windows_tiny.py',
    '../_base_/schedules/hcd_tiny.py',
    '../_base_/default_runtime.py',
]

num_bands = 1  # of one date; follows from the scene
size = 5  # pixels that the network sees
scene = dict(
    type='PairScene',
    image=('{{$MMHSI_DATA:data}}/mine/first.tif', '{{$MMHSI_DATA:data}}/mine/second.tif'),
    labels=dict(path='{{$MMHSI_DATA:data}}/mine/changes.tif'),
    label_codes=dict(unchanged=1, changed=2),  # 0 is unlabelled unless it is named
    split=dict(type='NumberSplit', train=100, val=50, seed=0),  # labelled pixels per class
    **_base_.tiny_scene,
)
scene_settings = dict()

val_dataloader = dict(
    batch_size=256,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='WindowDataset',
        scene=None,
        subset='val',
        window_size=size,
        pad_mode='symmetric',
        pipeline=[_base_.pack],
        test_mode=True,
    ),
)
train_dataloader = dict(dataset=dict(scene=None, window_size=size))
test_dataloader = dict(dataset=dict(scene=None, window_size=size))

model = dict(
    backbone=dict(
        encoder=dict(spatial=dict(img_size=size, patch_size=1, in_channels=num_bands), spectral=dict(img_size=size))
    )
)

val_cfg = dict()
val_evaluator = dict(type='SceneChangeMetric', uncertainty=True)
test_evaluator = val_evaluator
train_cfg = dict(val_begin=20, val_interval=5)
default_hooks = dict(
    checkpoint=dict(save_best='NLL', rule='less'),
    classical=dict(type='ClassicalHook'),  # detectors and SVMs after each test; None leaves them out
)
custom_hooks = [
    dict(type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=0.01, gamma=10),
    dict(
        type='RefinementHook',
        experts=('SVM on spectra', 'SVM on differences', 'SVM on smoothed differences'),
        strengths=(),  # no walker: changes are often small objects, which it wears away
    ),
]
