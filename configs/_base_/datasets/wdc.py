# Washington DC Mall (HYDICE, 1280 x 307, 191 bands). Areas are (top, left, height, width) in pixels. The reference
# trains on rows 0 to 599 and 800 to 1279 and tests on 192 x 192 pixels of the rest; here the last 64 rows are for
# validation.
_base_ = 'denoising.py'

num_bands = 191
tile_size = 64  # pixels
train_areas = [(0, 0, 600, 307), (800, 0, 416, 307)]
val_areas = [(1216, 0, 64, 307)]
test_areas = [(600, 50, 192, 192)]
scene = dict(
    type='Scene',
    name='wdc',
    data_root='{{$MMHSI_DATA:data}}/wdc',
    image='dc.tif',
    num_bands=num_bands,
    split=dict(type='AreaSplit', train=train_areas, val=val_areas, test=test_areas),
    fit_on='train',
    preprocessing=[dict(type='PercentileScale')],
)

train_dataloader = dict(
    dataset=dict(
        dataset=dict(scene=scene, areas=train_areas, crop_size=tile_size, scales=(1.0, 0.5, 0.25), stride=(16, 8, 8))
    )
)
val_dataloader = dict(dataset=dict(scene=scene, areas=val_areas, crop_size=tile_size))
test_dataloader = dict(dataset=dict(scene=scene, areas=test_areas))
