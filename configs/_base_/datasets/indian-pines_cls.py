_base_ = ['indian-pines.py', 'windows.py']

window_size = 33  # pixels
num_bands = 30  # principal components, the input channels of a network
scene = dict(
    **_base_.scene,
    split=dict(type='NumberSplit', train=10, val=5, seed=0),  # labelled pixels per class
    preprocessing=[dict(type='SpectralPCA', n_components=num_bands, whiten=True)],
)

train_dataloader = dict(dataset=dict(scene=scene, window_size=window_size))
val_dataloader = dict(dataset=dict(scene=scene, window_size=window_size))
test_dataloader = dict(dataset=dict(scene=scene, window_size=window_size))
