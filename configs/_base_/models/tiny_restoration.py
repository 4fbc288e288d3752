# The two blocks of the tiny HyperSIGMA of denoising and super-resolution.
tiny_branches = dict(
    spatial=dict(arch='tiny', out_indices=(1,), num_points=4),
    spectral=dict(arch='tiny', out_indices=(1,), num_tokens=25, num_points=4),
)
tiny_neck = dict(
    in_channels=64,
    num_tokens=25,
    spectral_channels=64,
    mid_channels=64,
    spatial_refinement=dict(
        in_channels=64, embed_dims=64, num_layers=2, num_heads=4, num_points=4, full_attn_interval=2
    ),
    spectral_refinement=dict(embed_dims=64, num_layers=2, num_heads=4, num_points=4, full_attn_interval=2),
)
