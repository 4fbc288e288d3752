# Recommended for your own scene: fill in `scene` (files, keys, classes, split) and nothing else, in a config that
# inherits this one. What depends on the scene follows from it before the training, and is logged: noise fractions and
# their power, widths of the smoothing, the window, numbers of bands and classes. A random walker along the edges of the
# image and a temperature follow, chosen on the validation pixels, and the shares of the classes in the scene come last.
_base_ = [
    '../_base_/models/hypersigma-base_cls.py',
    '../_base_/datasets/windows.py',
    '../_base_/schedules/scratch_tiny.py',
    '../_base_/default_runtime.py',
]

scene = dict(
    type='Scene',
    image=dict(path='{{$MMHSI_DATA:data}}/mine/cube.tif'),
    labels=dict(path='{{$MMHSI_DATA:data}}/mine/labels.tif'),
    split=dict(type='NumberSplit', train=10, val=5, seed=0),  # labelled pixels per class
    # all fractions that are not pure noise, for any sensor
    preprocessing=[dict(type='MinimumNoiseFraction', n_components=1, ridge=1e-6)],
)
scene_settings = dict(
    powers=(0.15, 0.3, 0.5, 0.75),  # of the ratio of signal and noise
    widths=((0.0,), (1.0,), (2.0,), (3.0,), (0.0, 2.0), (1.0, 3.0), (2.0, 5.0), (0.5, 2.0, 5.0)),  # pixels
    smallest_ratio=1.0,
)

size = 3  # pixels that the network sees, each with the means around it
num_classes = 2  # this and the numbers of bands follow from the scene
load = dict(type='LoadSceneWindow', pad_mode='reflect')
augment = [dict(type='RandomFlip', prob=0.5), dict(type='RandomRotate90')]
local = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    batch_size=32, dataset=dict(scene=None, window_size=size, pipeline=[load, *augment, _base_.pack]), **local
)
val_dataloader = dict(dataset=dict(scene=None, window_size=size, pipeline=[load, _base_.pack]), **local)
test_dataloader = dict(dataset=dict(scene=None, window_size=size, pipeline=[load, _base_.pack]), **local)

model = dict(
    type='WideAndDeepClassifier',
    noise_std=0.6,
    data_preprocessor=dict(num_bands=1, num_classes=num_classes, smoothing=dict(sigmas=(1.0,), size=size)),
    backbone=dict(
        spatial=dict(
            arch='tiny',
            out_indices=(0, 1),
            img_size=size,
            patch_size=2,
            in_channels=1,
            num_points=4,
            layer_scale_init_value=0.1,
        ),
        spectral=dict(
            arch='tiny', out_indices=(1,), img_size=size, num_tokens=25, num_points=4, layer_scale_init_value=0.1
        ),
    ),
    neck=dict(in_channels=64, num_tokens=25, spectral_channels=64, mid_channels=64, out_channels=64, scales=(1, 1)),
    head=dict(
        _delete_=True,
        type='WideAndDeepHead',
        in_channels=1,
        num_classes=num_classes,
        deep=dict(
            type='MultiLevelClsHead',
            in_channels=(64, 64),
            hidden_channels=(128, 64),
            num_classes=num_classes,
            dropout_rate=0.4,
            loss=dict(
                type='mmpretrain.LabelSmoothLoss', label_smooth_val=0.1, mode='original', num_classes=num_classes
            ),
        ),
    ),
)
optim_wrapper = dict(clip_grad=dict(max_norm=5.0))  # the gradients of the deep path do not slow down the wide one

# with few validation pixels the accuracy often ties, the likelihood does not
val_evaluator = dict(uncertainty=True)
test_evaluator = val_evaluator
default_hooks = dict(
    checkpoint=dict(save_best='NLL', rule='less'),
    classical=dict(type='ClassicalHook'),  # SVMs and a forest after each test; None leaves them out
)
custom_hooks = [
    dict(type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=0.01, gamma=10),
    # classical classifiers in addition to the network, weighted by cross-validated likelihood
    dict(
        type='RefinementHook',
        experts=(
            'SVM on spectra',
            'forest on spectra',
            'SVM on smoothed fractions',
            'SVM on fractions',
            'forest on fractions',
            'SVM on the input of the network',
        ),
        adapt=True,  # to the shares of the classes in the scene
    ),
]
