# The spatial branch of hypersigma-tiny_hid.py alone. A config adds img_size to the backbone and the refinement,
# tile_size, and the bands: in_channels of the backbone, num_bands of the head.
_base_ = 'spatsigma-base_hid.py'

model = dict(
    generator=dict(
        backbone=dict(arch='tiny', out_indices=(1,), num_points=4),
        neck=dict(
            in_channels=64,
            refinement=dict(
                in_channels=64, embed_dims=64, num_layers=2, num_heads=4, num_points=4, full_attn_interval=2
            ),
        ),
        head=dict(in_channels=64, mid_channels=None, width=32),
    )
)
