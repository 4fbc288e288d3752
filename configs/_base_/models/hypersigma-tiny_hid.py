# A HyperSIGMA of two blocks for denoising, which one CPU core trains from scratch in a minute or two. A config adds
# img_size to both branches and the spatial refinement, tile_size, and the bands: in_channels, num_bands of the head.
_base_ = ['hypersigma-base_hid.py', 'tiny_restoration.py']

model = dict(generator=dict(backbone=_base_.tiny_branches, neck=_base_.tiny_neck, head=dict(in_channels=64, width=32)))
