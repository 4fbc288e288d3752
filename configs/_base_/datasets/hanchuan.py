# WHU-Hi HanChuan (Headwall Nano-Hyperspec on a UAV, 1217 x 303, 274 bands, 16 classes). File names of the public files;
# the copies of the official code are called HanChuan.mat and HanChuan_gt.mat.
num_classes = 16
scene = dict(
    type='Scene',
    name='hanchuan',
    data_root='{{$MMHSI_DATA:data}}/hanchuan',
    image=dict(path='WHU_Hi_HanChuan.mat', key=('WHU_Hi_HanChuan', 'HanChuan')),
    labels=dict(path='WHU_Hi_HanChuan_gt.mat', key=('WHU_Hi_HanChuan_gt', 'HanChuan_gt')),
    classes='hanchuan',
    num_bands=274,
    split=dict(type='NumberSplit', train=50, val=50, seed=0),  # labelled pixels per class
)
