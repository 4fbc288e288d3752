# Settings of tools/dataset_converters/hyperglobal.py with their defaults; --config with a copy of this file, or
# --cfg-options, changes them. mmhsi.datasets.tile_shards.ShardSettings documents each one. Shards made with different
# settings need different folders.

# tiles
tile_size = 64  # pixels, as the published networks take
overlap = 0  # smallest overlap of neighbouring tiles, pixels

# scenes: every file with one of these suffixes, unless a pattern groups files
suffixes = ('.tif', '.tiff', '.geotiff', '.vrt', '.hdr', '.mat', '.h5', '.npy', '.npz')
key = None  # name of the array in .mat, HDF5 and .npz files that hold several
layout = 'chw'  # axes of their array: (bands, rows, columns); rasters define their bands
# Scenes that come as one file for each band (EO-1 Hyperion) or for each instrument (GF-5B), put together:
#   group = r'(EO1H\w+?|GF5B?_AHSI_.+?)_(?:B\d{3}\w*|VN|SW)\.'
#   band_order = ('_VN', '_SW')
# Tile files of the same scene, named <scene>_<row>_<column>.mat, put into one shard:
#   group = r'(.+?)_\d+_\d+\.mat$'
#   combine = 'tiles'
group = None
combine = 'bands'
band_order = ()

# bands
# Counted from 0; by sensor, if the folder holds several: bad_bands = {'EO1H': [(0, 6), (57, 75), (224, 241)]}
bad_bands = ()
drop_constant_bands = True  # uncalibrated bands of Hyperion are 0 and are found by this
wavelengths = None  # nm, for files that state none: a list, a text file, or a dict of these by sensor

# pixels without data
nodata = None  # by default the value declared in the file
zero_is_nodata = True  # pixels that are 0 in all bands: the corners around a rotated swath
max_nodata = 0.05  # of the pixels of a tile

# saturated pixels, as over clouds
saturated_value = None  # by default the largest value of an integer type; give it for data that saturate below
saturated_bands = 0.25  # of the bands of a pixel
max_saturated = 0.1  # of the pixels of a tile

# stripes of push-broom sensors
stripe_contrast = 0.3  # strength in a band, relative to the standard deviation of the tile; noise alone gives 0.1
max_striped = 0.2  # of the bands of a tile
