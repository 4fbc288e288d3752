# Denoising and super-resolution: the best state is that of the highest PSNR on the validation images.
_base_ = 'default_runtime.py'

default_hooks = dict(checkpoint=dict(save_best='PSNR'), progress=dict(unit='image'))
