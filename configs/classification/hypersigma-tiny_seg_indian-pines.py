# The tile protocol with a tiny HyperSIGMA, from scratch.
_base_ = 'hypersigma-base_seg_indian-pines.py'

model = dict(
    backbone=dict(spatial=dict(arch='tiny', patch_size=4), spectral=dict(arch='tiny', num_tokens=36, out_indices=(1,))),
    neck=dict(in_channels=64, num_tokens=36, scales=(2, 1, 0.5, 0.25)),
)

optim_wrapper = dict(
    _delete_=True,
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    constructor='GroupedOptimWrapperConstructor',
)
