# Masked autoencoder over patches. A config adds img_size, in_channels.
model = dict(
    type='SpatMAE',
    data_preprocessor=dict(type='HSIDataPreprocessor'),
    backbone=dict(
        type='MaskedSpatViT',
        arch='base',
        patch_size=8,
        mask_ratio=0.75,
        full_attn_interval=1,  # full attention in all blocks; sparse attention comes with fine-tuning
        use_abs_pos_emb=True,  # the official encoder has positions and does not add them: False
        drop_path_rate=0.1,
    ),
    neck=dict(type='MAEDecoder', embed_dims=512, num_layers=8, num_heads=16),
    head=dict(type='SpatMAEHead', norm_pix_loss=True),  # the official option has no effect: False
)
