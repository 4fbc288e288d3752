# Hermiston (Hyperion, Oregon, 2004 and 2007; 307 x 241, 154 bands; every pixel is labelled).
num_bands = 154  # of one date
window_size = 5  # pixels
patch_size = 1  # pixels
scene = dict(
    type='PairScene',
    name='hermiston',
    data_root='{{$MMHSI_DATA:data}}/hermiston',
    image=(dict(path='Sa1.mat', key='T1'), dict(path='Sa2.mat', key='T2')),
    labels=dict(path='SaGT.mat', key='GT'),
    label_codes=dict(unchanged=2, changed=1),
    num_bands=num_bands,
    # labelled pixels per class; the seed is that of the run (--seed sets both), the official code draws with 1
    split=dict(type='NumberSplit', train=500, val=0, seed=0),
    preprocessing=[dict(type='MinMaxScale', per_band=True)],  # of both dates together
)
