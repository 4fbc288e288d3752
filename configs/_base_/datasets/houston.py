# Houston (CASI). The official code reads these two files, and does not say which scene they hold nor how it is split.
# Our choice: the scene of the 2013 IEEE GRSS Data Fusion Contest (349 x 1905, 144 bands, 15 classes), split as Pavia
# University, the other airborne scene of a town.
num_classes = 15
scene = dict(
    type='Scene',
    name='houston',
    data_root='{{$MMHSI_DATA:data}}/houston',
    image=dict(path='Houston.mat', key=('Houston', 'houston', 'HSI', 'img')),
    labels=dict(path='Houston_GT.mat', key=('Houston_GT', 'Houston_gt', 'houston_gt', 'gt')),
    classes='houston2013',
    num_bands=144,
    split=dict(type='NumberSplit', train=20, val=20, seed=0),  # labelled pixels per class
)

# the training and test pixels of the contest, for the configs with the option official-split
official_maps = [
    dict(path='TRLabel.mat', key=('TRLabel', 'houston_gt_tr')),
    dict(path='TSLabel.mat', key=('TSLabel', 'houston_gt_te')),
]
official_split = dict(
    type='MapSplit',
    train=dict(path='{{$MMHSI_DATA:data}}/houston/TRLabel.mat', key=('TRLabel', 'houston_gt_tr')),
    test=dict(path='{{$MMHSI_DATA:data}}/houston/TSLabel.mat', key=('TSLabel', 'houston_gt_te')),
    val_number=20,  # of about 190 training pixels of each class, for validation; our choice
    seed=0,
)
