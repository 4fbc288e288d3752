# A HyperSIGMA of two blocks for change detection by windows, which one CPU core trains from scratch in a minute or two.
# A config adds img_size, patch_size, in_channels (the bands of one date).
_base_ = 'hypersigma-base_hcd.py'

model = dict(
    backbone=dict(
        encoder=dict(
            spatial=dict(arch='tiny', out_indices=(0, 1), num_points=4),
            spectral=dict(arch='tiny', out_indices=(0, 1), num_tokens=25, num_points=4),
        ),
        neck=dict(
            in_channels=64, num_tokens=25, num_spectral_levels=2, spectral_channels=64, out_channels=64, scales=(1, 1)
        ),
    ),
    head=dict(in_channels=(64, 64), kernel_sizes=(3, 1), hidden_channels=(64, 64)),
)
