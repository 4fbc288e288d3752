# NAFNet of mmagic (Chen et al., Simple baselines for image restoration, ECCV 2022) for any number of bands. A config
# adds img_channels and tile_size, a multiple of 2 to the power of the number of its levels.
model = dict(
    type='TiledEditModel',
    data_preprocessor=dict(type='RestorationDataPreprocessor'),
    generator=dict(
        type='mmagic.NAFNet', mid_channels=64, middle_blk_num=2, enc_blk_nums=[2, 2, 4], dec_blk_nums=[2, 2, 2]),
    pixel_loss=dict(type='mmagic.MSELoss'),
    train_cfg=dict(),
    test_cfg=dict())
