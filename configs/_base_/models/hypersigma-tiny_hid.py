# A HyperSIGMA of two blocks for denoising, which one CPU core trains from scratch in a minute or two. A config adds
# img_size to both branches and the spatial refinement, tile_size, and the bands: in_channels, num_bands of the head.
_base_ = 'hypersigma-base_hid.py'

model = dict(
    generator=dict(
        backbone=dict(
            spatial=dict(arch='tiny', out_indices=(1,), num_points=4),
            spectral=dict(arch='tiny', out_indices=(1,), num_tokens=25, num_points=4),
        ),
        neck=dict(
            in_channels=64,
            num_tokens=25,
            spectral_channels=64,
            mid_channels=64,
            spatial_refinement=dict(
                in_channels=64, embed_dims=64, num_layers=2, num_heads=4, num_points=4, full_attn_interval=2
            ),
            spectral_refinement=dict(embed_dims=64, num_layers=2, num_heads=4, num_points=4, full_attn_interval=2),
        ),
        head=dict(in_channels=64, width=32),
    )
)
