# EDSR of four blocks that learns what the bicubic image lacks, as the tiny networks of this toolbox do, by their loss.
_base_ = 'spatsigma-tiny_indian-pines_x2.py'

model = dict(
    generator=dict(
        _delete_=True,
        type='BicubicResidual',
        network=dict(
            type='mmagic.EDSRNet',
            in_channels=_base_.num_bands,
            out_channels=_base_.num_bands,
            mid_channels=64,
            num_blocks=4,
            upscale_factor=_base_.scale,
            rgb_mean=(0., ),
            rgb_std=(1., )),
        scale=_base_.scale,
        last_layer='conv_last'))
