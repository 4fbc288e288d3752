# EDSR of four blocks that learns what the bicubic image lacks, as the tiny networks of this toolbox do, by their loss.
# A config adds scale, and in_channels, out_channels and upscale_factor of the network.
# Needs mmagic: pip install "mmhsi[restoration-zoo]"
_base_ = 'spatsigma-tiny_hsr.py'

model = dict(
    generator=dict(
        _delete_=True,
        type='BicubicResidual',
        network=dict(type='mmagic.EDSRNet', mid_channels=64, num_blocks=4, rgb_mean=(0.0,), rgb_std=(1.0,)),
        last_layer='conv_last',
    )
)
