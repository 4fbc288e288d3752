# Another loss of mmagic instead of the sum of three.
# Needs mmagic: pip install "mmhsi[restoration-zoo]"
_base_ = 'hypersigma-tiny_indian-pines_x2.py'

model = dict(pixel_loss=dict(_delete_=True, type='mmagic.CharbonnierLoss', eps=1e-6))
