# SwinIR of two stages of two blocks, otherwise as edsr-tiny_indian-pines_x2.py.
# Needs mmagic: pip install "mmhsi[restoration-zoo]"
_base_ = 'edsr-tiny_indian-pines_x2.py'

model = dict(
    generator=dict(
        network=dict(
            _delete_=True,
            type='mmagic.SwinIRNet',
            img_size=_base_.tile_size,
            in_chans=_base_.num_bands,
            upscale=_base_.scale,
            window_size=8,
            depths=(2, 2),
            embed_dim=64,
            num_heads=(4, 4),
            mlp_ratio=2,
            upsampler='pixelshuffle',
        )
    )
)
