# The parts of HyperSIGMA, one changed at a time: how the branches are joined, either branch alone, sampled points,
# interval of full attention, spectral tokens, patch size, size of the network.
_base_ = ['contestants.py', 'indian-pines_settings.py']

folder = '../classification/'
config = folder + 'hypersigma-tiny_cls_indian-pines.py'
spatial, spectral, neck = 'model.backbone.spatial.', 'model.backbone.spectral.', 'model.neck.'
changes = {
    'HyperSIGMA-T': {},
    **{f'fusion: {name}': {neck + 'fusion': name} for name in ('sum', 'concat', 'none')},
    **{f'{n} points': {spatial + 'num_points': n, spectral + 'num_points': n} for n in (1, 2, 8, 16)},
    'no full attention': {spatial + 'full_attn_interval': 0, spectral + 'full_attn_interval': 0},
    'full attention only': _base_.full_attention,
    **{f'{n} spectral tokens': {spectral + 'num_tokens': n, neck + 'num_tokens': n} for n in (9, 49, 100)},
    **{f'patch of {n}': {spatial + 'patch_size': n} for n in (1, 3)},
}
contestants = [
    *(dict(name=name, config=config, cfg_options=options) for name, options in changes.items()),
    dict(name='spatial branch alone', config=folder + 'spatsigma-tiny_cls_indian-pines.py'),
    dict(name='spectral branch alone', config=folder + 'specsigma-tiny_cls_indian-pines.py'),
]
larger = dict(name='HyperSIGMA-S', config=folder + 'hypersigma-small_cls_indian-pines.py')  # minutes of a GPU
settings = {'10 per class': _base_.customary['10 per class']}
scores = dict(OA=4, AA=4, kappa=4)
reference = 'HyperSIGMA-T'
seeds = (0, 1)
