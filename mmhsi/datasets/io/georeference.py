"""GDAL's settings, and the georeference of a raster."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import rasterio
from rasterio.errors import NotGeoreferencedWarning

BLOCK_CACHE = 2**28  # bytes: rasterio hands the number to GDALSetCacheMax64, unlike the variable of the shell
_NO_ADDRESS = dict(CPL_VSIL_CURL_ALLOWED_EXTENSIONS='.none', GDAL_HTTP_MAX_RETRY='0')


def raster_environment(network: bool = False) -> rasterio.Env:
    """GDAL's settings for opening, reading and writing rasters.

    Args:
        network (bool): Whether addresses may be read, because the user gave one. Defaults to False.
    """
    # the fast path for PNG returns a truncated picture without an error
    # a virtual raster may hold Python code; each process caches blocks, by default in a twentieth of the memory
    return rasterio.Env(
        GDAL_PNG_WHOLE_IMAGE_OPTIM='NO',
        GDAL_VRT_ENABLE_PYTHON='NO',
        GDAL_CACHEMAX=BLOCK_CACHE,
        GDAL_VRT_RAWRASTERBAND_ALLOWED_SOURCE='SIBLING_OR_CHILD_OF_VRT_PATH',
        **({} if network else _NO_ADDRESS),
    )


@contextmanager
def silent_georeference() -> Iterator[None]:
    """Suppress rasterio's warning for files without a georeference, which is common for benchmark scenes."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        yield


def place_of(dataset: rasterio.DatasetReader) -> dict:
    """Fields of :class:`CubeInfo` on the place: ``crs``, ``transform``, ``gcps``, ``gcps_crs`` and ``rpcs``.

    Args:
        dataset (rasterio.DatasetReader): An open raster.

    Returns:
        dict: The fields that the raster states.
    """
    place = {}
    if dataset.crs:
        place['crs'] = dataset.crs.to_wkt()
    if not dataset.transform.is_identity:
        place['transform'] = tuple(dataset.transform)[:6]
    points, crs = dataset.gcps
    if points:
        place['gcps'] = tuple((point.row, point.col, point.x, point.y, point.z or 0.0) for point in points)
        place['gcps_crs'] = crs.to_wkt() if crs else None
    if dataset.rpcs:
        place['rpcs'] = dataset.rpcs.to_gdal()
    return place
