# Tiles of principal components, with the numbers that the official code has for Pavia University. A dataset file adds
# the scene.
_base_ = 'tiles.py'

num_bands = 20  # principal components, the input channels of a network
preprocessing = [
    dict(type='MinMaxScale', per_band=False),
    dict(type='SpectralPCA', n_components=num_bands, whiten=True),
]
