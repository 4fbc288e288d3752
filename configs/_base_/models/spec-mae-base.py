# Masked autoencoder over groups of bands. A config adds img_size, in_channels.
model = dict(
    type='SpecMAE',
    data_preprocessor=dict(type='HSIDataPreprocessor'),
    backbone=dict(
        type='MaskedSpecViT',
        arch='base',
        num_tokens=100,
        mask_ratio=0.75,  # of the official command; the official script's default is 0.25
        full_attn_interval=1,  # full attention in all blocks; sparse attention comes with fine-tuning
        use_abs_pos_emb=True,  # the official encoder has positions and does not add them: False
        drop_path_rate=0.1,
    ),
    neck=dict(type='MAEDecoder', embed_dims=512, num_layers=8, num_heads=16, pos_table='sincos'),  # official: 'zeros'
    head=dict(type='SpecMAEHead', norm_pix_loss=True),  # the official option has no effect: False
)
