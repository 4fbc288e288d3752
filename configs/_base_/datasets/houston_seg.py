# Our choice: tile, overlap and components of Pavia University.
_base_ = ['houston.py', 'tiles.py']

tile_size = 128  # pixels
tile_overlap = 32
num_bands = 20  # principal components, the input channels of a network
scene = dict(
    **_base_.scene,
    preprocessing=[
        dict(type='MinMaxScale', per_band=False),
        dict(type='SpectralPCA', n_components=num_bands, whiten=True)
    ])

train_dataloader = dict(dataset=dict(scene=scene, tile_size=tile_size, overlap=tile_overlap))
val_dataloader = dict(dataset=dict(scene=scene, tile_size=tile_size, overlap=tile_overlap))
test_dataloader = dict(dataset=dict(scene=scene, tile_size=tile_size, overlap=tile_overlap))
