"""Metadata that GDAL's programs write next to a file whose format cannot hold it: ``<file>.aux.xml``.

The elements are those of GDAL's Persistent Auxiliary Metadata; only statements on the values of bands are read.
"""

from __future__ import annotations

import os
from xml.etree import ElementTree

import numpy as np

from .envi_header import checked_scale, one_number
from .sources import parse_xml

_LARGEST = 2**24


def sidecar_fields(path: str, bands: int, notes: list[str]) -> dict:
    """Nodata, scale and offset of the bands from the sidecar file of a raster.

    Args:
        path (str): The raster.
        bands (int): Number of its bands C.
        notes (list[str]): Gets a sentence on a file that is not understood.

    Returns:
        dict: ``nodata``, ``scale`` and ``offset`` of :class:`CubeInfo` where the file states them, and ``companions``.
    """
    sidecar = path + '.aux.xml'
    if not os.path.isfile(sidecar) or os.path.getsize(sidecar) > _LARGEST:
        return {}
    try:
        of_bands = {int(element.get('band', '0')): element for element in parse_xml(sidecar).iter('PAMRasterBand')}
        stated = {tag: _numbers(of_bands, tag, bands) for tag in ('NoDataValue', 'Scale', 'Offset')}
    except (ElementTree.ParseError, OSError, LookupError, ValueError):
        notes.append(f'{os.path.basename(sidecar)} beside the file is not understood and not used')
        return {}
    scale, offset = (
        None if np.isnan(stated[tag]).all() else np.where(np.isnan(stated[tag]), neutral, stated[tag])
        for tag, neutral in (('Scale', 1.0), ('Offset', 0.0))
    )
    scale, offset = checked_scale(scale, offset, os.path.basename(sidecar), notes)
    nodata = None if np.isnan(stated['NoDataValue']).all() else one_number(stated['NoDataValue'])
    found = {
        name: value for name, value in dict(nodata=nodata, scale=scale, offset=offset).items() if value is not None
    }
    return {**found, 'companions': (sidecar,)} if found else {}


def _numbers(of_bands: dict[int, ElementTree.Element], tag: str, bands: int) -> np.ndarray:
    """The number of each band, float64 (C,), NaN where there is none."""
    texts = [of_bands[band].findtext(tag) if band in of_bands else None for band in range(1, bands + 1)]
    return np.array([np.nan if text is None else float(text) for text in texts])
