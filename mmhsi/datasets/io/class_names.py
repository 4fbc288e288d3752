"""Names of the values of a label map, from its ENVI header or from what GDAL's programs write beside it."""

from __future__ import annotations

import os
from xml.etree import ElementTree

from .envi import find_header, is_header
from .envi_header import read_header
from .errors import CubeReadError
from .sources import is_address, parse_xml

_LARGEST = 2**24
_NAME, _MIN, _MIN_MAX = '2', '3', '5'  # usages of columns of GDAL's attribute tables


def class_names(path: str) -> dict[int, str]:
    """Names of the values of a label map.

    Sources: the field ``class names`` of an ENVI classification; the category names or the attribute table in
    ``<file>.aux.xml``.

    Args:
        path (str): The file, or the header of an ENVI image.

    Returns:
        dict[int, str]: Names by value; empty if none are stated. Values without a name are left out.
    """
    if is_address(path) or not os.path.isfile(path):
        return {}
    try:
        header = path if path.lower().endswith('.hdr') and is_header(path) else find_header(path)
        found = {} if header is None else _of_header(read_header(header))
        return found or _of_sidecar(path + '.aux.xml')
    except CubeReadError:
        return {}  # a damaged header is reported when the map is read


def _of_header(fields: dict[str, str]) -> dict[int, str]:
    if not fields.get('class names'):
        return {}
    return _listed(fields['class names'].split(','))


def _listed(names: list[str]) -> dict[int, str]:
    plain = [' '.join(name.strip(' "').split()) for name in names]
    return {value: name for value, name in enumerate(plain) if name}


def _of_sidecar(path: str) -> dict[int, str]:
    if not os.path.isfile(path) or os.path.getsize(path) > _LARGEST:
        return {}
    try:
        root = parse_xml(path)
        for names in root.iter('CategoryNames'):
            return _listed([element.text or '' for element in names.iter('Category')])
        for table in root.iter('GDALRasterAttributeTable'):
            return _of_table(table)
    except (ElementTree.ParseError, OSError, LookupError, ValueError):
        pass  # the reader of the raster reports it
    return {}


def _of_table(table: ElementTree.Element) -> dict[int, str]:
    usages = [column.findtext('Usage', '').strip() for column in table.iter('FieldDefn')]
    values = next((usages.index(usage) for usage in (_MIN_MAX, _MIN) if usage in usages), None)
    if values is None or _NAME not in usages:
        return {}
    rows = [[cell.text or '' for cell in row.iter('F')] for row in table.iter('Row')]
    return {int(float(row[values])): name for row in rows if (name := row[usages.index(_NAME)].strip())}
