# Windows of principal components, with the size and number that the official code has for Indian Pines. A dataset file
# adds the scene.
_base_ = 'windows.py'

window_size = 33  # pixels
num_bands = 30  # principal components, the input channels of a network
preprocessing = [dict(type='SpectralPCA', n_components=num_bands, whiten=True)]

train_dataloader = dict(dataset=dict(window_size=window_size))
val_dataloader = dict(dataset=dict(window_size=window_size))
test_dataloader = dict(dataset=dict(window_size=window_size))
