# Indian Pines (AVIRIS, 145 x 145, 200 bands, 16 classes); tools/dataset_converters/indian_pines.py writes the files.
num_classes = 16
scene = dict(
    type='Scene',
    name='indian-pines',
    data_root='{{$MMHSI_DATA:data}}/indian_pines',
    image=dict(path='Indian_pines_corrected.mat', key=('indian_pines_corrected', 'data')),
    labels=dict(path='Indian_pines_gt.mat', key=('indian_pines_gt', 'groundT')),
    classes='indian_pines',
    num_bands=200,
)
