_base_ = ['indian-pines.py', 'tiles_components.py']

tile_size = 145  # pixels: the whole scene
tile_overlap = 0
scene = dict(
    **_base_.scene,
    split=dict(type='NumberSplit', train=10, val=5, seed=0),  # labelled pixels per class
    preprocessing=_base_.preprocessing,
)
tiles = dict(scene=scene, tile_size=tile_size, overlap=tile_overlap)

train_dataloader = dict(batch_size=1, dataset=tiles)
val_dataloader = dict(batch_size=1, dataset=tiles)
test_dataloader = dict(batch_size=1, dataset=tiles)
