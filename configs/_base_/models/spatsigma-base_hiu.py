# SpatSIGMA, unmixing: the spatial branch alone (window 64, patch 2). A config adds img_size, in_channels and num_bands
# (the bands) and num_endmembers. Peculiarities of the reference, which a config can switch on:
# - cosine of the loss not clamped: loss_reconstruction.margin=None (U1)
# - variation over neighbouring endmembers, without a gradient: loss_variation along='endmembers', reduction='sum' (U2)
# - endmembers clamped only inside the loss: without NonNegativeEndmemberHook (U7)
model = dict(
    type='Unmixer',
    data_preprocessor=dict(type='HSIDataPreprocessor'),
    backbone=dict(type='SpatViT', arch='base', patch_size=2, use_abs_pos_emb=False),
    neck=dict(type='LevelPyramid', in_channels=768, out_channels=64),
    head=dict(type='AbundanceHead', in_channels=(64,) * 4, channels=64),
    decoder=dict(type='EndmemberDecoder'),
    loss_reconstruction=dict(type='SpectralAngleLoss'),
    loss_sparsity=dict(type='AbundanceSparsityLoss', loss_weight=0.35),
    loss_variation=dict(type='EndmemberVariationLoss', loss_weight=0.1),
)
