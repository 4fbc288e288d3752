# QRNN3D (Wei, Fu and Huang, IEEE TNNLS 32(1), 2021) of its published size, on the same data, for comparison.
_base_ = ['../_base_/datasets/wdc.py', '../_base_/schedules/hid_100e.py', '../_base_/restoration_runtime.py']

model = dict(
    type='TiledEditModel',
    data_preprocessor=dict(type='RestorationDataPreprocessor'),
    generator=dict(type='QRNN3D'),
    pixel_loss=dict(type='MSELoss'),
    test_cfg=dict(tile_size=_base_.tile_size, overlap=16),  # pixels
)
