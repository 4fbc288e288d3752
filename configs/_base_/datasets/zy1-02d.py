# ZY1-02D (AHSI). The official code has no reader: scene, classes and split are our choice, namely the labelled scene of
# the Yellow River estuary of 28 June 2020 in its public form (1147 x 1600, 23 classes, 9825 labelled pixels), split as
# Pavia University. Of the 166 bands of the sensor that form keeps 119; the number is not checked, as other selections
# are in use.
num_classes = 23
scene = dict(
    type='Scene',
    name='zy1-02d',
    data_root='{{$MMHSI_DATA:data}}/zy1_02d',
    image=dict(path='ZY_hhk.mat', key='ZY_hhk_0628_data'),
    labels=dict(path='ZY_hhk_gt.mat', key='data_gt'),
    classes='zy1_02d',
    split=dict(type='NumberSplit', train=20, val=20, seed=0),  # labelled pixels per class
)
