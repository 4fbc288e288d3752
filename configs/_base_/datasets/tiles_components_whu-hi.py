# Tiles of principal components for the WHU-Hi scenes, with the numbers of the official code.
_base_ = 'tiles_components.py'

num_bands = 30  # principal components, the input channels of a network
preprocessing = [
    dict(type='MinMaxScale', per_band=False),
    dict(type='SpectralPCA', n_components=num_bands, whiten=True),
]
