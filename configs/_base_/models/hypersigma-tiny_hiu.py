# A HyperSIGMA of two blocks for unmixing, which one CPU core trains from scratch in a minute or two. Patches of one
# pixel keep the abundances sharp; larger logits let the few iterations reach pure pixels, and the weaker sparsity
# leaves mixed ones mixed; spectra scaled to one length show materials in shadow as well. A config adds img_size,
# in_channels and num_bands (the bands) and num_endmembers.
_base_ = 'hypersigma-base_hiu.py'

model = dict(
    backbone=dict(
        spatial=dict(arch='tiny', out_indices=(0, 1), patch_size=1, num_points=4),
        spectral=dict(arch='tiny', out_indices=(1,), num_tokens=25, num_points=4),
    ),
    neck=dict(in_channels=64, num_tokens=25, spectral_channels=64, scales=(1, 1)),
    head=dict(in_channels=(64, 64), kernel_sizes=(3, 1), scale=4.0, dropout_ratio=0.0),
    loss_sparsity=dict(loss_weight=0.03),
    unit_spectra=True,
)
