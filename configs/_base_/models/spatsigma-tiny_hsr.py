# A SpatSIGMA of two blocks for super-resolution, trained from scratch as hypersigma-tiny_hsr.py. A config adds
# img_size, tile_size, scale, and the bands: in_channels of the backbone, num_bands of the head.
_base_ = 'spatsigma-base_hsr.py'

model = dict(
    generator=dict(
        backbone=dict(arch='tiny', out_indices=(1,), num_points=4, drop_path_rate=0.0),
        neck=dict(
            in_channels=64,
            refinement=dict(
                in_channels=64,
                embed_dims=64,
                num_layers=2,
                num_heads=4,
                num_points=4,
                full_attn_interval=2,
                drop_path_rate=0.0,
            ),
        ),
        head=dict(in_channels=64, mid_channels=None, width=64, residual=True),
    )
)
