# How Indian Pines is split and preprocessed: the customary way, and strict ones in which no test pixel has an influence
# on what is fitted. Numbers are those of labelled pixels of each class.
random_pixels = dict(
    curve='random pixels', note='Random pixels; components fitted on all pixels of the scene; windows overlap.'
)
customary = {
    '10 per class': dict(scene=dict(split=dict(type='NumberSplit', train=10, val=5), fit_on='all'), **random_pixels),
    '10 %': dict(scene=dict(split=dict(type='RatioSplit', train=0.1, val=0.1), fit_on='all'), **random_pixels),
}
every_fifth_pixel = dict(
    customary['10 per class'],
    cfg_options={'test_dataloader.dataset.indices': list(range(0, 10009, 5))},
    note='Random pixels; components fitted on all pixels; windows overlap. Every fifth test pixel is tested.',
)
# the 160 training pixels of ten per class do not determine 200 components, but the pixels without labels do
strict = {
    '10 per class, strict fit': dict(
        scene=dict(split=dict(type='NumberSplit', train=10, val=5), fit_on='unevaluated'),
        customary='10 per class',
        note='The same pixels; components fitted on all pixels but those of validation and test.',
    ),
    '10 %, strict fit': dict(
        scene=dict(split=dict(type='RatioSplit', train=0.1, val=0.1), fit_on='train'),
        customary='10 %',
        note='The same pixels; components fitted on the training pixels.',
    ),
    '10 per class, disjoint': dict(
        scene=dict(
            split=dict(
                type='LimitedSplit',
                train=10,
                val=5,
                guard=11,
                split=dict(type='BlockSplit', train=0.1, val=0.05, block_size=16),
            ),
            fit_on='unevaluated',
        ),
        customary='10 per class',
        note='Training and test pixels come from different blocks of 16 x 16 pixels, and no window of up to '
        '23 x 23 pixels around a test pixel holds a training pixel; components fitted on all pixels but those of '
        'validation and test. Small classes that lie in one place have no test pixel, so that this is another test '
        'set.',
    ),
}
# the customary setting and its strict variants
ten_per_class, ten_percent = [
    {name: setting for name, setting in {**customary, **strict}.items() if first in (name, setting.get('customary'))}
    for first in customary
]
