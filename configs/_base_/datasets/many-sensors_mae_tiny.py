# Windows of public scenes of seven sensors, on one grid of wavelengths; tools/dataset_converters/many_sensors.py writes
# the files. A network that reads this grid can be shared by all scenes whose wavelengths are known.
grid = [
    *(400, 425, 450, 475, 500, 525, 550, 575, 600, 625, 650, 675, 700, 725, 750, 775, 800, 825, 850, 875, 900),
    *(925, 950, 975, 1000, 1030, 1090, 1150, 1210, 1270, 1330, 1390, 1450, 1510, 1570, 1630, 1690, 1750, 1810),
    *(1870, 1930, 1990, 2050, 2110, 2170, 2230, 2290, 2350, 2410),
]  # nm
num_bands = 49
preprocessing = [dict(type='WavelengthGrid', wavelengths=grid), dict(type='ZeroPhaseWhitening', power=0.25)]
names = [
    *('indian-pines', 'houston-crop', 'muufl', 'samson', 'urban-crop'),
    *('enmap-128_0', 'enmap-128_128', 'enmap-128_32', 'enmap-160_96', 'enmap-192_160', 'enmap-192_64'),
    *('enmap-64_0', 'enmap-96_0', 'enmap-96_128', 'sandiego', 'aviris-90', 'hydice', 'paris'),
    *('abu-airport-1', 'abu-airport-3', 'abu-beach-1', 'abu-urban-1', 'abu-urban-2', 'abu-urban-4', 'abu-urban-5'),
    *('pavia-university-50', 'pavia-centre-bridge'),
]
train_dataloader = dict(
    batch_size=1,  # bag of pairs of one scene
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='NeighbourBagDataset',
        scene=dict(
            type='Scene',
            image=dict(path='{{$MMHSI_DATA:data}}/many-sensors/{name}.mat', key='cube'),
            labels=dict(path='{{$MMHSI_DATA:data}}/many-sensors/{name}.mat', key='labels'),
            preprocessing=preprocessing,
        ),
        names=names,
        window_size=15,
        pairs=48,
        bags=50,
    ),
)
