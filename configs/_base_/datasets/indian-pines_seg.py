_base_ = ['indian-pines.py', 'tiles.py']

tile_size = 145  # pixels: the whole scene
tile_overlap = 0
num_bands = 20  # principal components, the input channels of a network
scene = dict(
    **_base_.scene,
    split=dict(type='NumberSplit', train=10, val=5, seed=0),  # labelled pixels per class
    preprocessing=[
        dict(type='MinMaxScale', per_band=False),
        dict(type='SpectralPCA', n_components=num_bands, whiten=True),
    ],
)

train_dataloader = dict(batch_size=1, dataset=dict(scene=scene, tile_size=tile_size, overlap=tile_overlap))
val_dataloader = dict(batch_size=1, dataset=dict(scene=scene, tile_size=tile_size, overlap=tile_overlap))
test_dataloader = dict(batch_size=1, dataset=dict(scene=scene, tile_size=tile_size, overlap=tile_overlap))
