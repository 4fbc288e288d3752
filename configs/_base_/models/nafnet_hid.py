# NAFNet of mmagic (Chen et al., Simple baselines for image restoration, ECCV 2022) for any number of bands. A config
# adds img_channels, mid_channels and tile_size, a multiple of 2 to the power of the number of its levels. It predicts
# the noise, which fewer mid_channels than bands cannot hold.
# Needs mmagic: pip install "mmhsi[restoration-zoo]"
model = dict(
    type='TiledEditModel',
    data_preprocessor=dict(type='RestorationDataPreprocessor'),
    generator=dict(type='mmagic.NAFNet', middle_blk_num=1, enc_blk_nums=[1, 1, 2], dec_blk_nums=[1, 1, 1]),
    pixel_loss=dict(type='MSELoss'),
    train_cfg=dict(),
    test_cfg=dict(),
)
