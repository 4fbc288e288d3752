# A small NAFNet of mmagic instead of HyperSIGMA, trained in the same way.
_base_ = [
    '../_base_/models/nafnet_hid.py',
    '../_base_/datasets/indian-pines_hid.py',
    '../_base_/schedules/hid_tiny.py',
    '../_base_/restoration_iter_runtime.py',
]

model = dict(
    generator=dict(img_channels=_base_.num_bands, mid_channels=_base_.num_bands, enc_blk_nums=[1], dec_blk_nums=[1]),
    test_cfg=dict(tile_size=_base_.tile_size, overlap=8),  # pixels
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))  # the best on the validation rows of 2e-4, 5e-4, 1e-3 and 2e-3
custom_hooks = []  # it has no head that can start from a subspace
