# The generator of ESRGAN of mmagic (RRDBNet; Wang et al., ECCV Workshops 2018), trained with its pixel loss only. A
# config adds in_channels, out_channels and upscale_factor, 2 or 4.
# Needs mmagic: pip install "mmhsi[restoration-zoo]"
_base_ = 'edsr_hsr.py'

model = dict(generator=dict(_delete_=True, type='mmagic.RRDBNet', mid_channels=64, num_blocks=23, growth_channels=32))
