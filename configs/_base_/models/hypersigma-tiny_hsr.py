# A HyperSIGMA of two blocks for super-resolution, which one CPU core trains from scratch in a minute or two. It learns
# what the bicubic image lacks, and the width of its head does not depend on the bands. A config adds img_size to both
# branches, tile_size, scale, and the bands: in_channels, num_bands of the head.
_base_ = ['hypersigma-base_hsr.py', 'tiny_restoration.py']

model = dict(
    generator=dict(
        backbone=_base_.tiny_branches, neck=_base_.tiny_neck, head=dict(in_channels=64, width=64, residual=True)
    )
)
