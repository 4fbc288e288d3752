"""Companion files of a raster for geographic information systems: a QGIS style and a STAC item."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
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

from .georeference import raster_environment, silent_georeference

_LOOKED_AT = 1024  # rows and columns of a map of numbers that give the limits of its colours
_PERCENTILES = (2.0, 99.9)
_STYLE = (
    "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
    '<qgis version="3.22" styleCategories="Symbology">\n  <pipe>\n    {}\n  </pipe>\n</qgis>\n'
)
_EDGE = 21  # points along each edge of the footprint, which is curved in longitude and latitude


def write_companions(
    path: str | os.PathLike[str],
    acquired: str | None,
    properties: Mapping[str, str],
    ramp: Sequence[tuple[int, int, int]] = (),
    limits: tuple[float, float] | None = None,
) -> list[Path]:
    """Write the style and the STAC item of a raster of :func:`mmhsi.datasets.write_raster`.

    The style, ``<raster without suffix>.qml``, is applied by QGIS to the raster of the same name: the colours and names
    of a map of classes, or a ramp of colours on the first band of a map of numbers. The item,
    ``<raster without suffix>.json``, follows STAC 1.0.0 with the extensions projection 1.1 and raster 1.1; a raster
    whose position cannot be given in longitude and latitude has none, and a warning says so.

    Args:
        path (str | os.PathLike): A GeoTIFF.
        acquired (str, optional): Time of acquisition of its scene, ISO 8601. If it is unknown, ``datetime`` of the item
            is the time of writing, and ``mmhsi:acquired`` null.
        properties (Mapping[str, str]): Further properties of the item.
        ramp (Sequence[tuple]): Colours from the lowest to the highest value, red, green, blue (0 to 255), for a map of
            numbers. Defaults to (): no style.
        limits (tuple[float, float], optional): Values of the first and the last colour. Defaults to the 2nd and the
            99.9th percentile of the band.

    Returns:
        list[Path]: The files.
    """
    path, files = Path(path), []
    with raster_environment(), silent_georeference(), rasterio.open(path) as raster:
        names = {
            int(tag.removeprefix('class_')): name for tag, name in raster.tags(1).items() if tag.startswith('class_')
        }
        if names or len(ramp):
            renderer = _palette(raster, names) if names else _ramp(ramp, limits or _limits(raster))
            files.append(path.with_suffix('.qml'))
            write_text(files[-1], _STYLE.format(renderer))
        item = _stac_item(raster, path, acquired, names, properties)
    if item is not None:
        files.append(path.with_suffix('.json'))
        write_text(files[-1], json.dumps(item, indent=2) + '\n')
    return files


def _hex(colour: Sequence[int]) -> str:
    return '#' + ''.join(f'{int(part):02x}' for part in colour[:3])


def _palette(raster: rasterio.DatasetReader, names: Mapping[int, str]) -> str:
    colours = raster.colormap(1)
    entries = ''.join(
        f'\n        <paletteEntry value="{value}" color="{_hex(colours[value])}" alpha="255" label={quoteattr(name)}/>'
        for value, name in sorted(names.items())
    )
    return (
        '<rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1">\n'
        f'      <colorPalette>{entries}\n      </colorPalette>\n    </rasterrenderer>'
    )


def _ramp(ramp: Sequence[Sequence[int]], limits: tuple[float, float]) -> str:
    low, high = limits
    items = ''.join(
        f'\n          <item value="{value:.9g}" color="{_hex(colour)}" alpha="255" label="{value:.4g}"/>'
        for value, colour in zip(np.linspace(low, high, len(ramp)), ramp, strict=True)
    )
    span = f'minimumValue="{low:.9g}" maximumValue="{high:.9g}"'
    return (
        '<rasterrenderer type="singlebandpseudocolor" band="1" opacity="1" alphaBand="-1" '
        f'classificationMin="{low:.9g}" classificationMax="{high:.9g}">\n      <rastershader>\n'
        f'        <colorrampshader colorRampType="INTERPOLATED" classificationMode="1" clip="0" {span}>{items}\n'
        '        </colorrampshader>\n      </rastershader>\n    </rasterrenderer>'
    )


def _limits(raster: rasterio.DatasetReader) -> tuple[float, float]:
    step = max(1, -(-max(raster.shape) // _LOOKED_AT))
    values = raster.read(1, masked=True, out_shape=(-(-raster.height // step), -(-raster.width // step))).compressed()
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = map(float, np.percentile(values, _PERCENTILES))
    return (low, high) if low < high else (low, low + 1.0)


def _stac_item(
    raster: rasterio.DatasetReader,
    path: Path,
    acquired: str | None,
    names: Mapping[int, str],
    properties: Mapping[str, str],
) -> dict | None:
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
    cloud = raster.tags(ns='IMAGE_STRUCTURE').get('LAYOUT') == 'COG'
    longitudes, latitudes = zip(*footprint, strict=True)
    return {
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
                'type': f'image/tiff; application=geotiff{"; profile=cloud-optimized" if cloud else ""}',
                'roles': ['data'],
                'raster:bands': bands,
            }
        },
    }


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
