"""Companion files of a raster for geographic information systems: a QGIS style and a STAC item."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import rasterio
from mmengine.logging import print_log
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform as warp

from mmhsi.utils.files import write_text

from .base import CubeInfo

_EDGE = 21  # points along each edge of the footprint, which is curved in longitude and latitude


def write_style(
    path: str | os.PathLike[str], colormap: Mapping[int, tuple[int, int, int]], names: Mapping[int, str]
) -> Path:
    """Write the style of a map of classes, which QGIS applies to a raster of the same name.

    Args:
        path (str | os.PathLike): The raster.
        colormap (Mapping[int, tuple]): Red, green, blue of its values.
        names (Mapping[int, str]): Names of its values; those without are left out of the legend.

    Returns:
        Path: The file, ``<raster without suffix>.qml``.
    """
    entries = ''.join(
        f'\n          <paletteEntry value="{value}" color="#{"".join(f"{part:02x}" for part in colormap[value])}" '
        f'alpha="255" label={quoteattr(str(name))}/>'
        for value, name in sorted(names.items())
        if value in colormap
    )
    style = Path(path).with_suffix('.qml')
    write_text(
        style,
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
        '<qgis version="3.22" styleCategories="Symbology">\n  <pipe>\n'
        '      <rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1">\n'
        f'        <colorPalette>{entries}\n        </colorPalette>\n'
        '      </rasterrenderer>\n  </pipe>\n</qgis>\n',
    )
    return style


def write_stac_item(
    path: str | os.PathLike[str], like: CubeInfo | None, names: Mapping[int, str], properties: Mapping[str, str]
) -> Path | None:
    """Write the item of a written raster (STAC 1.0.0 with the extensions projection 1.1 and raster 1.1).

    Args:
        path (str | os.PathLike): The raster, with a georeference.
        like (CubeInfo, optional): The cube of the raster, for the time of acquisition. If it is unknown, ``datetime``
            is the time of writing, and ``mmhsi:acquired`` null.
        names (Mapping[int, str]): Names of the values of a map of classes.
        properties (Mapping[str, str]): Further properties.

    Returns:
        Path | None: The file, ``<raster without suffix>.json``; None, with a warning, for a raster whose position
        cannot be given in longitude and latitude.
    """
    path = Path(path)
    with rasterio.open(path) as raster:
        footprint = _footprint(raster.transform, raster.width, raster.height, raster.crs)
        if footprint is None:
            print_log(
                f'{path}: the raster has no position in longitude and latitude, so no STAC item is written',
                'current',
                logging.WARNING,
            )
            return None
        bands = [
            {
                'data_type': str(np.dtype(dtype)),
                **({} if raster.nodata is None else {'nodata': 'nan' if np.isnan(raster.nodata) else raster.nodata}),
            }
            for dtype in raster.dtypes
        ]
        code = raster.crs.to_epsg()
        projection = {
            'proj:epsg': code,
            **({} if code is not None else {'proj:wkt2': raster.crs.to_wkt()}),
            'proj:shape': [raster.height, raster.width],
            'proj:transform': list(raster.transform)[:6],
        }
    acquired = None if like is None else like.acquired
    longitudes, latitudes = zip(*footprint, strict=True)
    item = {
        'type': 'Feature',
        'stac_version': '1.0.0',
        'stac_extensions': [
            'https://stac-extensions.github.io/projection/v1.1.0/schema.json',
            'https://stac-extensions.github.io/raster/v1.1.0/schema.json',
        ],
        'id': path.stem,
        'geometry': {'type': 'Polygon', 'coordinates': [[list(point) for point in footprint]]},
        'bbox': [min(longitudes), min(latitudes), max(longitudes), max(latitudes)],
        'properties': {
            'datetime': _utc(acquired),
            'mmhsi:acquired': acquired,
            **projection,
            **properties,
            **({'mmhsi:classes': {str(value): name for value, name in names.items()}} if names else {}),
        },
        'links': [],
        'assets': {
            'data': {
                'href': f'./{path.name}',
                'type': 'image/tiff; application=geotiff',
                'roles': ['data'],
                'raster:bands': bands,
            }
        },
    }
    target = path.with_suffix('.json')
    write_text(target, json.dumps(item, indent=2) + '\n')
    return target


def _footprint(
    transform: rasterio.Affine, width: int, height: int, system: CRS | None
) -> list[tuple[float, float]] | None:
    """A closed ring of (longitude, latitude), counter-clockwise as GeoJSON requires."""
    if system is None or transform.is_identity:
        return None
    along = np.linspace(0, 1, _EDGE)[:-1]
    columns = np.concatenate([0 * along, along, 0 * along + 1, 1 - along]) * width
    rows = np.concatenate([along, 0 * along + 1, 1 - along, 0 * along]) * height
    x, y = transform * (columns, rows)
    try:
        longitude, latitude = warp(system, CRS.from_epsg(4326), x, y)
    except (RasterioError, CRSError):
        return None
    ring = [(round(float(east), 7), round(float(north), 7)) for east, north in zip(longitude, latitude, strict=True)]
    if not np.isfinite(ring).all():
        return None
    corners = np.array([*ring, ring[0]])
    area = np.sum(corners[:-1, 0] * corners[1:, 1] - corners[1:, 0] * corners[:-1, 1])
    return [*ring, ring[0]] if area > 0 else [ring[0], *ring[::-1]]


def _utc(acquired: str | None) -> str:
    """A time as RFC 3339 in UTC; times without a zone are assumed to be UTC."""
    moment = datetime.now(UTC)
    if acquired is not None:
        try:
            moment = datetime.fromisoformat(acquired)
        except ValueError:
            print_log(f'the time of acquisition {acquired!r} is not understood', 'current', logging.WARNING)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec='seconds').replace('+00:00', 'Z')
