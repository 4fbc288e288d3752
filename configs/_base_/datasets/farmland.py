# Farmland (Hyperion, Yancheng, 2006 and 2007; 450 x 140, 155 bands; every pixel is labelled).
num_bands = 155  # of one date
window_size = 5  # pixels
patch_size = 1  # pixels
scene = dict(
    type='PairScene',
    name='farmland',
    data_root='{{$MMHSI_DATA:data}}/farmland',
    image=(dict(path='Farm1.mat', key='imgh'), dict(path='Farm2.mat', key='imghl')),
    labels=dict(path='GTChina1.mat', key='label'),
    # the codes are swapped against the other scenes, and what 2 leaves out of the changes is 0
    label_codes=dict(unchanged=1, changed=(0, 2)),
    num_bands=num_bands,
    # labelled pixels per class; the seed is that of the run (--seed sets both), the official code draws with 1
    split=dict(type='NumberSplit', train=500, val=0, seed=0),
    preprocessing=[dict(type='MinMaxScale', per_band=True)],  # of both dates together
)
