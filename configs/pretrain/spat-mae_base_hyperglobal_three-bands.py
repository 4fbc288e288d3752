# Three bands of a tile, drawn anew for each sample, from the longest wavelength to the shortest: the other dataset of
# the official code.
_base_ = 'spat-mae_base_hyperglobal.py'

num_bands = 3
model = dict(data_preprocessor=dict(num_bands=num_bands), backbone=dict(in_channels=num_bands))

_, *rest = _base_.train_pipeline
train_pipeline = [dict(type='RandomBands', num_bands=num_bands), *rest]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
