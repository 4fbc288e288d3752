# For networks trained from scratch: standardised bands, each date by its own statistics, which evens out the light, and
# augmented samples. A dataset file inherits this in addition to the protocol, and takes tiny_scene and augmentation.
tiny_scene = dict(preprocessing=[dict(type='Standardize')], joint=False)
augmentation = [
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomRotate90'),
    dict(type='RandomBandNoise', sigma=0.3, prob=1.0),
]
