# Our choice: tile, overlap and components of Pavia University.
_base_ = ['zy1-02d.py', 'tiles.py']

num_bands = 20  # principal components, the input channels of a network
scene = dict(
    **_base_.scene,
    preprocessing=[
        dict(type='MinMaxScale', per_band=False),
        dict(type='SpectralPCA', n_components=num_bands, whiten=True),
    ],
)

train_dataloader = dict(dataset=dict(scene=scene))
val_dataloader = dict(dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
