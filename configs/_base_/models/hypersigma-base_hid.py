# HyperSIGMA, denoising (window 64, patch 2). A config adds img_size to both branches and the spatial refinement,
# tile_size, and the bands: in_channels, embed_dims of the spatial refinement, num_bands of the head. Peculiarities of
# the reference, which a config can switch on in the init_cfg of a branch:
# - first spectral position taken for that of a class token: drop_first_token=True (G3)
# - spatial patch embedding always new, even where it fits: skip=('patch_embed', )
model = dict(
    type='TiledEditModel',
    data_preprocessor=dict(type='RestorationDataPreprocessor'),
    generator=dict(
        type='RestorationNet',
        # the reference trains in eval mode, so that its drop path of 0.1 never acts (D1)
        backbone=dict(
            type='HyperSIGMA',
            spatial=dict(type='SpatViT', arch='base', patch_size=2, out_indices='last', drop_path_rate=0.0),
            spectral=dict(type='SpecViT', arch='base', num_tokens=100, out_indices='last', drop_path_rate=0.0),
        ),
        neck=dict(
            type='SpectralEnhancement',
            in_channels=768,
            num_tokens=100,
            spectral_channels=128,
            mid_channels=128,
            out_channels=None,
            scales=(2,),
            spatial_refinement=dict(type='RefinementTransformer', in_channels=768),
            spectral_refinement=dict(type='RefinementTransformer', embed_dims=128),
        ),
        head=dict(type='RestorationHead'),
    ),
    pixel_loss=dict(type='MSELoss'),
    train_cfg=dict(),
    test_cfg=dict(overlap=0),  # an overlap hides the seams between tiles
)
