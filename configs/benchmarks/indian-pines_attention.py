# One kind of attention in all blocks of both branches of the tiny HyperSIGMA, everything else the same. Windows of 13 x
# 13 pixels in patches of one make a grid of 13 x 13 tokens, which no window divides.
_base_ = ['contestants.py', 'indian-pines_settings.py']

kinds = {
    'SSA': dict(type='SparseSamplingAttention', num_points=8),
    'full': dict(type='FullAttention'),
    'shifted windows': dict(type='WindowAttention', window_size=4),
    'VSA': dict(type='VariedSizeWindowAttention', window_size=4),
    'RVSA': dict(type='VariedSizeWindowAttention', window_size=4, rotated=True),
    'DMHA': dict(type='DeformableAttention', stride=2),
    'NLSA': dict(type='NonLocalSparseAttention', chunk_size=24),
    'neighbourhood': dict(type='NeighbourhoodAttention', kernel_size=5),
}
contestants = [
    dict(
        name=name,
        config='../classification/hypersigma-tiny_cls_indian-pines.py',
        cfg_options={
            **_base_.twenty_epochs,
            'model.backbone.spatial.patch_size': 1,
            'model.backbone.spatial.full_attn_interval': 0,
            'model.backbone.spectral.full_attn_interval': 0,
            'model.backbone.spatial.attn_cfg': kind,
            'model.backbone.spectral.attn_cfg': kind,
        },
    )
    for name, kind in kinds.items()
]
settings = {name: _base_.ten_per_class[name] for name in ('10 per class', '10 per class, disjoint')}
scores = dict(OA=4, AA=4, kappa=4)
reference = 'SSA'
seeds = (0, 1)
