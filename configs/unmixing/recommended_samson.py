_base_ = '../recommended/unmixing.py'

scene = dict(
    name='samson',
    data_root='{{$MMHSI_DATA:data}}/samson',
    image=dict(path='Samson.mat', key='Y', layout='cwh', size=(95, 95)),  # pixels column by column
    # abundances of spectra without their brightness: each spectrum of GT is scaled to a largest value of 1
    abundances=dict(path='Samson.mat', key='S_GT', layout='hwp'),
    endmembers=dict(path='Samson.mat', key='GT', layout='rows'),
    endmember_names=('soil', 'tree', 'water'),
)
