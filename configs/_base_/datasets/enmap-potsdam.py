# Nine tiles of an EnMAP L2A scene of Potsdam with label maps (EnMAP-Box, tests/testdata/external/specdeepmap), as an
# example of several scenes that are one set of data. The six bands without data are marked as bad and left out. The
# tiles do not overlap; the names of the classes are in the order of the style file of the source.
num_classes = 6
window_size = 5  # pixels of 30 m
num_bands = 30  # principal components, the input channels of a network
scene = dict(
    type='Scene',
    data_root='{{$MMHSI_DATA:data}}/enmap-potsdam',
    image='images/*.tif',
    labels='labels/{name}.tif',
    classes=('roof', 'pavement', 'low vegetation', 'tree', 'soil', 'water'),
    split=dict(type='NumberSplit', train=20, val=10, seed=0),  # labelled pixels per class, of all tiles together
    preprocessing=[dict(type='SpectralPCA', n_components=num_bands, whiten=True)],
)
