# Denoising of Indian Pines, which is assumed to be clean: rows 0 to 80 train, 81 to 96 are for validation, the rest is
# the test. Areas are (top, left, height, width) in pixels.
_base_ = ['indian-pines.py', 'denoising.py']

num_bands = 200
tile_size = 16  # pixels
train_areas = [(0, 0, 81, 145)]
val_areas = [(81, 0, 16, 145)]
test_areas = [(97, 0, 48, 145)]
scene = dict(
    **_base_.scene,
    split=dict(type='AreaSplit', train=train_areas, val=val_areas, test=test_areas),
    fit_on='train',
    preprocessing=[dict(type='PercentileScale')],
)

train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(times=1, dataset=dict(scene=scene, areas=train_areas, crop_size=tile_size, stride=4)),
)
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(scene=scene, areas=val_areas))
test_dataloader = dict(dataset=dict(scene=scene, areas=test_areas))
