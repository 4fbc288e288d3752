# SwinIR of mmagic (Liang et al., ICCV Workshops 2021) for any number of bands. A config adds img_size (pixels of the
# small image), in_chans, upscale and tile_size.
# Needs mmagic: pip install "mmhsi[restoration-zoo]"
_base_ = 'edsr_hsr.py'

model = dict(
    generator=dict(
        _delete_=True,
        type='mmagic.SwinIRNet',
        window_size=8,
        depths=(6, 6, 6, 6, 6, 6),
        embed_dim=180,
        num_heads=(6, 6, 6, 6, 6, 6),
        mlp_ratio=2,
        upsampler='pixelshuffle',
    ),
    test_cfg=dict(overlap=8),
)
