# WHU-Hi HongHu (Headwall Nano-Hyperspec on a UAV, 940 x 475, 270 bands, 22 classes). File names of the public files;
# the copies of the official code are called HongHu.mat and HongHu_gt.mat.
num_classes = 22
scene = dict(
    type='Scene',
    name='honghu',
    data_root='{{$MMHSI_DATA:data}}/honghu',
    image=dict(path='WHU_Hi_HongHu.mat', key=('WHU_Hi_HongHu', 'HongHu')),
    labels=dict(path='WHU_Hi_HongHu_gt.mat', key=('WHU_Hi_HongHu_gt', 'HongHu_gt')),
    classes='honghu',
    num_bands=270,
    split=dict(type='NumberSplit', train=50, val=50, seed=0),  # labelled pixels per class
)
