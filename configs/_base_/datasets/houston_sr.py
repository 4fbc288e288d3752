# Super-resolution of Houston from patches that have been cut and reduced: files of
# tools/dataset_converters/houston_sr.py or of the authors, arrays (rows, columns, bands) in [0, 1]. A dataset file adds
# the paths and the scale.
num_bands = 48
tile_size = 32  # pixels of the small image
keys = dict(gt='gt', img='ms', enlarged='ms_bicubic')
pack = dict(type='PackRestoration')

train_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='EightPoses',
        dataset=dict(
            type='PatchDataset',
            keys=dict(gt='gt', img='ms'),  # the network enlarges the small image itself, to the same
            layout='HWC',
            num_bands=num_bands,
            size=tile_size,
            pipeline=[dict(type='Dihedral'), pack],
        ),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='PatchDataset', keys=keys, layout='HWC', num_bands=num_bands, pipeline=[pack], test_mode=True),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='PatchDataset', keys=keys, layout='NHWC', num_bands=num_bands, pipeline=[pack], test_mode=True),
)

val_evaluator = dict(type='RestorationMetric')
test_evaluator = val_evaluator
