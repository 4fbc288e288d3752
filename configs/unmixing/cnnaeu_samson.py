# CNNAEU (Palsson et al., IEEE TGRS 59(1), 2021): two convolutions, a softmax, and a decoder that mixes 13 x 13 pixels.
_base_ = 'hypersigma-tiny_samson.py'

model = dict(
    backbone=dict(_delete_=True, type='CNNAEUEncoder', in_channels=_base_.num_bands),
    neck=None,
    head=dict(_delete_=True, type='SoftmaxAbundanceHead', num_endmembers=_base_.num_endmembers),
    decoder=dict(kernel_size=13),
    loss_sparsity=None,
    unit_spectra=False,
)
