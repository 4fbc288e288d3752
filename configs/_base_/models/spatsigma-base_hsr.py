# SpatSIGMA, super-resolution: the spatial branch alone (window 32 of the small image, patch 1). A config adds img_size,
# tile_size, scale, and the bands: in_channels of the backbone, num_bands of the head. The reference keeps the bias of a
# pre-trained patch embedding that does not fit: init_cfg with keep_patch_bias=True (G2).
model = dict(
    type='TiledEditModel',
    data_preprocessor=dict(type='RestorationDataPreprocessor'),
    generator=dict(
        type='RestorationNet',
        backbone=dict(type='SpatViT', arch='base', patch_size=1, out_indices='last', use_abs_pos_emb=False),
        neck=dict(
            type='LevelPyramid',
            in_channels=768,
            scales=(1,),
            refinement=dict(
                type='RefinementTransformer', in_channels=768, embed_dims=180, drop_path_rate=0.1, ramp_length=12
            ),
        ),
        head=dict(type='SuperResolutionHead', in_channels=180, mid_channels=180, skip='add'),
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
