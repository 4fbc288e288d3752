# Santa Barbara (AVIRIS, California, 2013 and 2014; 984 x 740, 224 bands; partly labelled).
num_bands = 224  # of one date
window_size = 15  # pixels
patch_size = 2  # pixels
scene = dict(
    type='PairScene',
    name='santa-barbara',
    data_root='{{$MMHSI_DATA:data}}/santa_barbara',
    image=(dict(path='Barbara.mat', key='T1'), dict(path='Barbara.mat', key='T2')),
    labels=dict(path='Barbara.mat', key='GT'),
    label_codes=dict(unchanged=2, changed=1),
    num_bands=num_bands,
    # labelled pixels per class; the seed is that of the run (--seed sets both), the official code draws with 1
    split=dict(type='NumberSplit', train=500, val=0, seed=0),
    preprocessing=[dict(type='MinMaxScale', per_band=True)],  # of both dates together
    fit_pixels=728160,  # all: smallest and largest values are not found in a sample
)
