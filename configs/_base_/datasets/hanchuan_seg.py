_base_ = ['hanchuan.py', 'tiles.py']

num_bands = 30  # principal components, the input channels of a network
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
