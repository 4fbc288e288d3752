# Xiongan, village of Matiwan (airborne, 3750 x 1580, 250 bands, 20 classes). The cube is an HDF5 file of MATLAB, whose
# axes are reversed on the disk: it is read as rows, columns, bands, and compared with the size of the labels. The
# official code takes it as it lies, bands first.
num_classes = 20
scene = dict(
    type='Scene',
    name='xiongan',
    data_root='{{$MMHSI_DATA:data}}/xiongan',
    image=dict(path='Xiongan.mat', key='data'),
    labels=dict(path='Xiongan_GT.mat', key='gt'),
    classes='xiongan',
    num_bands=250,
    split=dict(type='NumberSplit', train=100, val=100, seed=0),  # labelled pixels per class
)
