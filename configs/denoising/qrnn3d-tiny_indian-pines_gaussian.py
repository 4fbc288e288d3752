# A narrow QRNN3D (Wei, Fu and Huang, IEEE TNNLS 32(1), 2021) instead of HyperSIGMA, trained in the same way.
_base_ = [
    '../_base_/datasets/indian-pines_hid.py',
    '../_base_/schedules/hid_tiny.py',
    '../_base_/restoration_iter_runtime.py',
]

model = dict(
    type='TiledEditModel',
    data_preprocessor=dict(type='RestorationDataPreprocessor'),
    generator=dict(type='QRNN3D', channels=4, num_units=2, halving=(0,)),
    pixel_loss=dict(type='MSELoss'),
    test_cfg=dict(tile_size=_base_.tile_size, overlap=8),  # pixels
)
custom_hooks = []  # it has no head that can start from a subspace
