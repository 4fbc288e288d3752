# HyperSIGMA, super-resolution (window 32 of the small image, patch 1). A config adds img_size to both branches,
# tile_size, scale, and the bands: in_channels, embed_dims of the spatial refinement, num_bands of the head. The
# reference draws the spatial patch embedding anew even where the pre-trained one fits: init_cfg with
# skip=('patch_embed', ).
model = dict(
    type='TiledEditModel',
    data_preprocessor=dict(type='RestorationDataPreprocessor'),
    generator=dict(
        type='RestorationNet',
        backbone=dict(
            type='HyperSIGMA',
            spatial=dict(
                type='SpatViT', arch='base', patch_size=1, out_indices='last', use_abs_pos_emb=False, drop_path_rate=0.0
            ),
            spectral=dict(
                type='SpecViT',
                arch='base',
                num_tokens=36,
                out_indices='last',
                use_abs_pos_emb=False,
                drop_path_rate=0.0,
            ),
        ),
        neck=dict(
            type='SpectralEnhancement',
            in_channels=768,
            num_tokens=36,
            spectral_channels=128,
            mid_channels=128,
            out_channels=None,
            scales=(1,),
            spatial_refinement=dict(type='RefinementTransformer', in_channels=768),
            spectral_refinement=dict(type='RefinementTransformer', embed_dims=128),
        ),
        head=dict(type='SuperResolutionHead', skip='concat'),
    ),
    pixel_loss=dict(
        type='SumLoss',
        losses=dict(
            l1=dict(type='L1Loss'),
            sam=dict(type='SpectralAngleLoss', unit='pi', margin=1e-6, loss_weight=0.3),
            gradient=dict(type='Gradient3DLoss', loss_weight=0.1),
        ),
    ),
    train_cfg=dict(),
    test_cfg=dict(overlap=0),  # an overlap hides the seams between tiles
)
