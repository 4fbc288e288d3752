# SpatSIGMA, denoising: the spatial branch alone (window 64, patch 2). A config adds img_size to the backbone and the
# refinement, tile_size, and the bands: in_channels of the backbone, num_bands of the head. The reference keeps the bias
# of a pre-trained patch embedding that does not fit: init_cfg with keep_patch_bias=True (G2).
model = dict(
    type='TiledEditModel',
    data_preprocessor=dict(type='RestorationDataPreprocessor'),
    generator=dict(
        type='RestorationNet',
        # the reference trains in eval mode, so that its drop path of 0.1 never acts (D1)
        backbone=dict(type='SpatViT', arch='base', patch_size=2, out_indices='last', drop_path_rate=0.0),
        neck=dict(
            type='LevelPyramid',
            in_channels=768,
            scales=(2,),
            refinement=dict(type='RefinementTransformer', in_channels=768, embed_dims=180),
        ),
        head=dict(type='RestorationHead', in_channels=180, mid_channels=180),
    ),
    pixel_loss=dict(type='MSELoss'),
    train_cfg=dict(),
    test_cfg=dict(overlap=0),  # an overlap hides the seams between tiles
)
