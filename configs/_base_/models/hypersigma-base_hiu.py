# HyperSIGMA, unmixing (window 64, patch 2). A config adds img_size, in_channels and num_bands (the bands) and
# num_endmembers. Peculiarities of the reference, which a config can switch on:
# - pre-trained spectral branch without spat_map, although it fits: init_cfg with skip=('spat_map', ) (G1)
# - cosine of the loss not clamped: loss_reconstruction.margin=None (U1)
# - variation over neighbouring endmembers, without a gradient: loss_variation along='endmembers', reduction='sum' (U2)
# - endmembers clamped only inside the loss: without NonNegativeEndmemberHook (U7)
model = dict(
    type='Unmixer',
    data_preprocessor=dict(type='HSIDataPreprocessor'),
    backbone=dict(
        type='HyperSIGMA',
        spatial=dict(type='SpatViT', arch='base', patch_size=2, use_abs_pos_emb=False),
        spectral=dict(type='SpecViT', arch='base', num_tokens=64, out_indices='last', use_abs_pos_emb=False),
    ),
    neck=dict(type='SpectralEnhancement', in_channels=768, num_tokens=64, mid_channels=32, out_channels=64),
    head=dict(type='AbundanceHead', in_channels=(64,) * 4, channels=64, smooth_channels=128),
    decoder=dict(type='EndmemberDecoder'),
    loss_reconstruction=dict(type='SpectralAngleLoss'),
    loss_sparsity=dict(type='AbundanceSparsityLoss', loss_weight=0.35),
    loss_variation=dict(type='EndmemberVariationLoss', loss_weight=0.1),
)
