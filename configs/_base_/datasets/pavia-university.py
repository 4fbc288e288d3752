# Pavia University (ROSIS, 610 x 340, 103 bands, 9 classes). File names of the public files; the copies of the official
# code are called paviaU1.mat and paviaU1_gt.mat.
num_classes = 9
scene = dict(
    type='Scene',
    name='pavia-university',
    data_root='{{$MMHSI_DATA:data}}/pavia_university',
    image=dict(path='PaviaU.mat', key=('paviaU', 'paviaU1')),
    labels=dict(path='PaviaU_gt.mat', key=('paviaU_gt', 'paviaU1_gt')),
    classes='pavia_university',
    num_bands=103,
    split=dict(type='NumberSplit', train=20, val=20, seed=0),  # labelled pixels per class
)
