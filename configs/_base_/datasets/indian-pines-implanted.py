# Indian Pines (AVIRIS, 145 x 145, 200 bands) with the mean spectrum of its stone and steel towers implanted at known
# places: 24 squares of 1, 2 and 3 pixels, the target being 10 to 80 % of each pixel. tools/dataset_converters/
# indian_pines.py and implant_targets.py write the files; the commands are in configs/target_detection/README.md.
_base_ = 'detection_tiles.py'

num_bands = 20  # principal components, the input channels of a network
scene = dict(
    type='DetectionScene',
    name='indian-pines-implanted',
    data_root='{{$MMHSI_DATA:data}}/indian_pines_implanted',
    image=dict(path='scene.mat', key='data'),
    labels=dict(path='scene.mat', key='map'),
    label_codes=dict(background=1, target=2),  # 0: the towers themselves, not evaluated
    num_bands=200,
    coarse=dict(detector='cem', preprocessing=[dict(type='Standardize')]),
    pseudo_shares=dict(background=0.9, target=0.01),  # larger than for a pre-trained network
    target_spectrum=dict(path='scene.mat', key='target'),  # the implanted spectrum, not taken from the ground truth
    preprocessing=[dict(type='Standardize'), dict(type='SpectralPCA', n_components=num_bands, whiten=True)],
)

train_pipeline = [dict(type='RandomFlip', prob=0.5), dict(type='RandomRotate90'), _base_.pack]

train_dataloader = dict(
    batch_size=1, num_workers=0, persistent_workers=False, dataset=dict(scene=scene, pipeline=train_pipeline)
)
test_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(scene=scene))
