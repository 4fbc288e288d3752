"""What GDAL may open: a few formats, chosen by the content of a file, and no files or addresses named in it.

A raster can refer to others: a virtual raster to its sources, a description of a web service to its server, a GeoTIFF
to an overview. A file must not make the machine read another file or contact another machine.
"""

from __future__ import annotations

import os
import re
from xml.etree import ElementTree

import rasterio

from .errors import CubeReadError, explained

_ADDRESS = re.compile(r'(https?|ftp|s3|gs|az|oss|swift|zip|tar|gzip)(\+[a-z0-9]+)*://|/vsi[a-z0-9_]+/', re.IGNORECASE)
_NETWORK = re.compile(
    r'\b(https?|ftp|s3|gs|az|oss|swift)://|/vsi(curl|s3|gs|az|adls|oss|swift|hdfs|webhdfs)', re.IGNORECASE
)
_MAGIC = (
    (b'II*\0', 'GTiff'),
    (b'MM\0*', 'GTiff'),
    (b'II+\0', 'GTiff'),
    (b'MM\0+', 'GTiff'),
    (b'\0\0\0\x0cjP  \r\n\x87\n', 'JP2OpenJPEG'),
    (b'\xff\x4f\xff\x51', 'JP2OpenJPEG'),
    (b'\x89PNG\r\n\x1a\n', 'PNG'),
    (b'\xff\xd8\xff', 'JPEG'),
    (b'BM', 'BMP'),
    (b'P5', 'PNM'),
    (b'P6', 'PNM'),
    (b'EHFA_HEADER_TAG', 'HFA'),
)
_REMOTE_DRIVERS = ['GTiff', 'ENVI', 'JP2OpenJPEG', 'PNG', 'JPEG', 'BMP', 'HFA']
_BLANK = b'\xef\xbb\xbf \t\r\n\v\f'
_LARGEST_VRT = 2**24
_DEEPEST_VRT = 4
# elements of a virtual raster that contain sources, and those that name them; GDAL ignores the case of most names, and
# takes an attribute for an element
_VRT_SOURCES = ('simplesource', 'complexsource', 'averagedsource', 'kernelfilteredsource', 'nodatafrommasksource')
_VRT_LINKS = ('sourcefilename', 'sourcedataset', 'overviewfile')
# beginnings, and words near the beginning, of formats that can name other files: GDAL would prefer them to raw data
_TEXT = re.compile(rb'[\t\n\r -~]{16}')
_DESCRIPTIONS = re.compile(
    rb'PDS_VERSION_ID|IsisCube|LBLSIZE|DatasetHeader|^SQLite|^CDF[\1\2\5]|^\x0e\x03\x13\x01|\x89HDF'
)
_ESRI = re.compile(rb'^[ \t]*(NROWS|NCOLS|NBANDS|BYTEORDER|LAYOUT|NBITS)\s', re.IGNORECASE | re.MULTILINE)


def is_address(path: str) -> bool:
    """Whether a path is an address or lies in an archive, so that only GDAL can open it."""
    return _ADDRESS.match(path) is not None


def needs_network(path: str) -> bool:
    """Whether reading a path uses the network."""
    return is_address(path) and _NETWORK.search(path) is not None


def drivers_for(path: str) -> list[str]:
    """GDAL's drivers that may open a file.

    Args:
        path (str): A file, or an address.

    Returns:
        list[str]: Their names.

    Raises:
        CubeReadError: If the content has another format, or names files outside its folder.
    """
    if is_address(path):
        return _REMOTE_DRIVERS
    with explained(path), open(path, 'rb') as stream:
        start = stream.read(4096)
    for magic, driver in _MAGIC:
        if start.startswith(magic):
            _check_companions(path)
            return [driver]
    text = start.lstrip(_BLANK)
    if text.startswith(b'<VRTDataset') and path.lower().endswith('.vrt'):
        _check_vrt(path, os.path.realpath(os.path.dirname(path) or '.'))
        return ['VRT']
    known = f'{path}: not a MATLAB, NumPy or HDF5 file nor a raster that is read here'
    if text.startswith(b'<VRTDataset'):
        raise CubeReadError(f'{known}: the content is a virtual raster, which is read under a name that ends in .vrt')
    if text.startswith(b'<'):
        raise CubeReadError(f'{known}: the content is XML or HTML, which may name other files and addresses')
    if esri_header(path):
        return ['EHdr']
    if start.startswith((b'PK\x03\x04', b'\x1f\x8b', b'BZh', b'7z\xbc\xaf')):
        inside = f', or name a raster in it as /vsizip/{path}/NAME' if start.startswith(b'PK') else ''
        raise CubeReadError(f'{path}: the file is an archive; unpack it{inside}')
    if start.startswith(b'\x0e\x03\x13\x01'):
        raise CubeReadError(f'{path}: HDF4, as older products are, is not read; gdal_translate converts its arrays')
    raise CubeReadError(
        f'{known}: GeoTIFF, JPEG 2000, PNG, JPEG, BMP, PNM, Erdas Imagine, VRT (raw ENVI data need '
        'their .hdr file beside them); gdal_translate converts others'
    )


def esri_header(path: str) -> bool:
    """Whether a raw data file has an ESRI header (NROWS, NCOLS, ...)."""
    header = os.path.splitext(path)[0] + '.hdr'
    if not os.path.isfile(header) or os.path.getsize(header) > 2**16:
        return False
    with explained(header), open(header, 'rb') as stream:
        return len(set(_ESRI.findall(stream.read()))) >= 2


def check_opened(path: str, dataset: rasterio.DatasetReader) -> None:
    """Refuse an opened raster that refers to files outside its own folder.

    Args:
        path (str): The file.
        dataset (rasterio.DatasetReader): The raster, before any other access.

    Raises:
        CubeReadError: If it names a file elsewhere.
    """
    if is_address(path):
        return
    # must be first: GDAL opens the overview, or contacts the address, when it lists the files of the raster
    overview = dataset.tags(ns='OVERVIEWS').get('OVERVIEW_FILE')
    folder = os.path.realpath(os.path.dirname(path) or '.')
    others = [name for name in dataset.files if name != path]  # the file itself may be a link: the user names it
    outside = [overview] if overview else [name for name in others if not in_folder(name, folder)]
    if outside:
        raise CubeReadError(f'{path}: the file names another one, {outside[0]!r}, which is not read')


def in_folder(name: str, folder: str) -> bool:
    """Whether a file lies in a folder or below, after all links are followed."""
    return os.path.realpath(name).startswith(os.path.join(os.path.realpath(folder or '.'), ''))


def _check_companions(path: str) -> None:
    """Masks and overviews next to a file must be TIFF: GDAL would open them as any format."""
    folder, name = os.path.split(path)
    for suffix in ('.msk', '.ovr', '.MSK', '.OVR', '.msk.ovr'):
        companion = os.path.join(folder, name + suffix)
        if os.path.isfile(companion):
            with explained(companion), open(companion, 'rb') as stream:
                if not stream.read(4).startswith((b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')):
                    raise CubeReadError(
                        f'{path}: the file {name + suffix} next to it is not a TIFF, as masks and overviews '
                        'are; remove it'
                    )


def _check_vrt(path: str, folder: str, depth: int = 0) -> None:
    """Refuse a virtual raster whose sources are not rasters of known formats in its own folder or below."""
    with explained(path):
        size = os.path.getsize(path)
        if size > _LARGEST_VRT or depth > _DEEPEST_VRT:
            raise CubeReadError(f'{path}: a virtual raster of {size} bytes, {depth} deep in others, is not read')
        root = parse_xml(path)
    for element in root.iter():
        tag, attributes = _plain(element.tag), {_plain(name): value for name, value in element.attrib.items()}
        kind = attributes.get('subclass')
        if tag == 'vrtdataset' and kind or _plain(kind or '') == 'vrtrawrasterband' or tag == 'pixelfunctioncode':
            raise CubeReadError(
                f'{path}: a virtual raster of the kind {kind or element.tag} is not read; '
                'gdal_translate makes a file of it'
            )
        if tag in _VRT_LINKS:
            _check_source(path, element, folder, depth)
        elif tag.endswith('source') and tag not in _VRT_SOURCES or not attributes.keys().isdisjoint(_VRT_LINKS):
            raise CubeReadError(f'{path}: a virtual raster with a {element.tag} is not read')
        elif attributes.get('key', '').upper() == 'OVERVIEW_FILE':
            raise CubeReadError(f'{path}: the file names another one, {element.text!r}, which is not read')


def _plain(name: str) -> str:
    """A name of XML without its namespace, in small letters."""
    return name.rpartition('}')[2].lower()


def parse_xml(path: str) -> ElementTree.Element:
    """The root of an XML file; one that declares entities, which may grow without end, raises a ValueError."""
    with open(path, 'rb') as stream:
        content = stream.read()
    if b'<!ENTITY' in content:
        raise ValueError('XML that declares entities is not read')
    return ElementTree.fromstring(content)


def _check_source(path: str, element: ElementTree.Element, folder: str, depth: int) -> None:
    name = (element.text or '').strip()
    source = os.path.join(os.path.dirname(path), name)  # a path that is absolute stays as it is
    if is_address(name) or not os.path.isfile(source) or not in_folder(source, folder):
        raise CubeReadError(f'{path}: the source {name!r} of the virtual raster is not a file in its folder')
    if source.lower().endswith('.vrt'):
        _check_vrt(source, folder, depth + 1)
        return
    from .envi import find_header

    if find_header(source) is None:
        drivers_for(source)
        return
    with explained(source), open(source, 'rb') as stream:
        start = stream.read(4096)
    if start.lstrip(_BLANK).startswith(b'<') or _TEXT.match(start) or _DESCRIPTIONS.search(start):
        raise CubeReadError(
            f'{path}: the source {name!r} of the virtual raster has an ENVI header, but its content is a text or of '
            'another format'
        )
