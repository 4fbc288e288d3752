# EDSR of mmagic (Lim et al., CVPR Workshops 2017) for any number of bands. A config adds in_channels, out_channels and
# upscale_factor, 2, 3, 4 or 8.
# Needs mmagic: pip install "mmhsi[restoration-zoo]"
model = dict(
    type='TiledEditModel',
    data_preprocessor=dict(type='RestorationDataPreprocessor'),
    generator=dict(
        type='mmagic.EDSRNet', mid_channels=64, num_blocks=16, rgb_mean=(0.0,), rgb_std=(1.0,)
    ),  # no mean is subtracted, of as many bands as there are
    pixel_loss=dict(type='L1Loss'),
    train_cfg=dict(),
    test_cfg=dict(),
)
