_base_ = '../recommended/classification.py'

scene = dict(
    name='indian-pines',
    data_root='{{$MMHSI_DATA:data}}/indian_pines',
    image=dict(path='Indian_pines_corrected.mat', key=('indian_pines_corrected', 'data')),
    labels=dict(path='Indian_pines_gt.mat', key=('indian_pines_gt', 'groundT')),
    classes='indian_pines',
)
