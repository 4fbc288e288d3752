"""A small experiment that trains in seconds: 24 x 24 pixels, 12 bands, 3 classes, a HyperSIGMA of two blocks."""

import itertools
from pathlib import Path

import numpy as np
from mmengine.config import Config

_numbers = itertools.count()
BANDS = 12
CLASSES = 3
SIDE = 24


def write_scene(folder: Path, seed: int = 0) -> dict:
    """Write cube and labels (stripes of three classes with spectra of their own); return the config of the scene."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(SIDE) // 4 % (CLASSES + 1), SIDE).reshape(SIDE, SIDE)
    cube = rng.normal(0, 1, (CLASSES + 1, BANDS))[labels] + rng.normal(0, 0.3, (SIDE, SIDE, BANDS))
    np.save(folder / 'cube.npy', cube.astype(np.float32))
    np.save(folder / 'labels.npy', labels)
    return dict(
        type='Scene',
        name='stripes',
        data_root=str(folder),
        image='cube.npy',
        labels='labels.npy',
        split=dict(type='NumberSplit', train=8, val=4, seed=0),
        preprocessing=[dict(type='Standardize')],
    )


def tiny_config(folder: Path, work_dir: Path, max_epochs: int = 2) -> Config:
    """The whole config of the experiment, with flips and dropout."""
    scene = write_scene(folder)
    pack = dict(type='mmpretrain.PackInputs', meta_keys=('row', 'col', 'scene_name', 'scene_shape'))
    augment = [dict(type='RandomFlip', prob=0.5), dict(type='RandomRotate90'), dict(type='RandomBandNoise')]
    arch = dict(embed_dims=8, num_layers=2, num_heads=2, full_attn_interval=2, out_indices=(0, 1))

    def loader(subset: str, pipeline: list, **dataset) -> dict:
        return dict(
            batch_size=8,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=subset == 'train'),
            dataset=dict(type='WindowDataset', scene=scene, subset=subset, window_size=5, pipeline=pipeline, **dataset),
        )

    return Config(
        dict(
            default_scope='mmhsi',
            custom_imports=dict(imports=['mmhsi'], allow_failed_imports=False),
            work_dir=str(work_dir),
            experiment_name=f'tiny-{next(_numbers)}',  # runs of one second would share their visualiser
            model=dict(
                type='mmpretrain.ImageClassifier',
                data_preprocessor=dict(type='HSIDataPreprocessor', num_bands=BANDS),
                backbone=dict(
                    type='HyperSIGMA',
                    spatial=dict(type='SpatViT', arch=arch, img_size=5, patch_size=1, in_channels=BANDS, num_points=2),
                    spectral=dict(type='SpecViT', arch=arch, img_size=5, num_tokens=9, num_points=2, out_indices=(0,)),
                ),
                neck=dict(
                    type='SpectralEnhancement',
                    in_channels=8,
                    num_tokens=9,
                    mid_channels=8,
                    out_channels=8,
                    scales=(1, 1),
                ),
                head=dict(
                    type='MultiLevelClsHead',
                    in_channels=(8, 8),
                    hidden_channels=(8,),
                    num_classes=CLASSES,
                    dropout_rate=0.3,
                ),
            ),
            train_dataloader=loader('train', [*augment, pack]),
            val_dataloader=loader('val', [pack], test_mode=True),
            test_dataloader=loader('all', [pack], evaluate_on='test', test_mode=True),
            val_evaluator=dict(type='SceneClassificationMetric'),
            test_evaluator=dict(type='SceneClassificationMetric'),
            optim_wrapper=dict(optimizer=dict(type='AdamW', lr=2e-3)),
            param_scheduler=[dict(type='CosineAnnealingLR', T_max=4, by_epoch=True, end=4)],
            train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1),
            val_cfg=dict(),
            test_cfg=dict(),
            default_hooks=dict(
                logger=dict(type='LoggerHook', interval=1),
                checkpoint=dict(type='CheckpointHook', interval=1),
                seed=dict(type='IterationSeedHook'),
                state=dict(type='SceneStateHook'),
                result=dict(type='SceneResultHook'),
            ),
            randomness=dict(seed=3),
            visualizer=dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')]),
        )
    )
