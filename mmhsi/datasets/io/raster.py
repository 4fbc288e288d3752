"""GeoTIFF and other rasters, read window by window with GDAL."""

import os
from collections.abc import Sequence

import numpy as np
import rasterio
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioIOError
from rasterio.windows import Window as RasterWindow

from .base import CubeInfo, CubeReader, Window
from .envi_header import DTYPES
from .errors import CubeReadError, explained
from .georeference import BLOCK_CACHE, place_of, raster_environment, silent_georeference
from .memory import LARGEST_DEFLATE_RATIO, check_fits
from .raster_metadata import RasterMetadata, spectral_bands
from .sources import check_opened, drivers_for, is_address, needs_network

_LARGE_BLOCK, _LARGEST_RATIO = 2**26, 2000  # bytes, and how much smaller a file may be
_MOST_BANDS = 5000  # largest number of bands; the reading time of rasterio grows with its square


class RasterReader(CubeReader):
    """A raster defines its bands and is read as (rows, columns, bands) whatever the layout; values are returned as
    stored.

    Opacity (alpha) is treated as a mask, not as a band. A key chooses one of the images of a multi-page TIFF, by its
    full name, a prefix or a suffix. Other rasters contain one image and ignore it.
    """

    format = 'raster'

    def __init__(self, path: str, *args, **kwargs) -> None:
        self._source = path
        self._drivers = drivers_for(path)
        self._network = needs_network(path)
        super().__init__(path, *args, **kwargs)

    def _open(self) -> rasterio.DatasetReader:
        with raster_environment(self._network), silent_georeference():
            dataset = self._open_with_drivers()
            try:
                check_opened(self.path, dataset)
            except CubeReadError:
                dataset.close()
                raise
            return dataset

    def _open_with_drivers(self) -> rasterio.DatasetReader:
        for driver in self._drivers:
            try:
                return rasterio.open(self._source, driver=driver)
            except RasterioIOError as error:
                if len(self._drivers) == 1 or 'not recognized' not in str(error):
                    raise
        raise CubeReadError(
            f'{self.path}: no raster that is read from an address or an archive '
            f'({", ".join(self._drivers)}); download it'
        )

    def _describe(self) -> CubeInfo:
        with explained(self.path):
            self._handle()
        self._choose_subdataset()
        with explained(self.path), raster_environment(self._network):
            return self._info(self._handle())

    def _choose_subdataset(self) -> None:
        names = self._handle().subdatasets
        if not names:
            return
        keys = [self.key] if isinstance(self.key, str) else list(self.key or ())
        for key in keys:
            found = [
                name
                for name in names
                if name == key or name.startswith(key + ':') or name.endswith((':' + key, '/' + key))
            ]
            if len(found) == 1:
                self.close()
                self._source = found[0]
                return
        listed = ', '.join(f"'{name}'" for name in names[:5]) + (', ...' if len(names) > 5 else '')
        raise CubeReadError(
            f'{self.path}: the file holds {len(names)} images and not one of many bands, choose one by key: {listed}'
        )

    def _check_claims(self, dataset: rasterio.DatasetReader) -> None:
        if dataset.count > _MOST_BANDS:
            raise CubeReadError(
                f'{self.path}: the header describes {dataset.count} bands, more than the {_MOST_BANDS} that are read'
            )
        if dataset.driver not in ('GTiff', 'JP2OpenJPEG', 'PNM') or is_address(self.path):
            return
        stored = os.path.getsize(self.path)
        if dataset.driver == 'PNM':  # GDAL reads zeros behind the end of the file
            needed = dataset.height * dataset.width * dataset.count * np.dtype(dataset.dtypes[0]).itemsize
            if needed > stored:
                raise CubeReadError(
                    f'{self.path}: the header describes {needed} bytes, the file holds {stored}; it is truncated'
                )
            return
        if dataset.count > stored:  # the header itself has two bytes for each
            raise CubeReadError(
                f'{self.path}: the header describes {dataset.count} bands, more than a file of {stored} bytes can hold'
            )
        # for one pixel GDAL allocates the whole block before it checks whether the file can hold it
        rows, columns = dataset.block_shapes[0]
        structure = dataset.tags(ns='IMAGE_STRUCTURE')
        depth = dataset.count if structure.get('INTERLEAVE') == 'PIXEL' else 1
        size = rows * columns * depth * np.dtype(dataset.dtypes[0]).itemsize
        block = f'a block of {rows} x {columns} pixels and {depth} bands'
        largest = {None: 1, 'DEFLATE': LARGEST_DEFLATE_RATIO}.get(structure.get('COMPRESSION'), np.inf) * stored
        if size > BLOCK_CACHE and size > largest:
            raise CubeReadError(
                f'{self.path}: the header describes {block}, {size} bytes, more than a file of {stored} bytes can hold'
            )
        # others have no bound, but a small file that asks for so much is no scene
        if size > _LARGE_BLOCK and structure.get('COMPRESSION') and size > _LARGEST_RATIO * stored:
            raise CubeReadError(
                f'{self.path}: the header describes {block}, {size} bytes, which a file of {stored} bytes hardly holds'
            )
        if size > BLOCK_CACHE:
            check_fits(self.path, block, size)

    def _check_remote_envi(self, dataset: rasterio.DatasetReader) -> None:
        """GDAL stops at a long line of an ENVI header and uses defaults for the rest."""
        fields = {name.replace('_', ' '): value for name, value in dataset.tags(ns='ENVI').items()}
        missing = [name for name in ('samples', 'lines', 'bands', 'data type', 'interleave') if name not in fields]
        if missing:
            raise CubeReadError(
                f"{self.path}: GDAL finds no '{missing[0]}' in the ENVI header of this address; "
                'download the file and its header'
            )
        if DTYPES.get(int(fields['data type'])) is None:
            raise CubeReadError(f'{self.path}: data type {fields["data type"]}, expected real numbers')

    def _info(self, dataset: rasterio.DatasetReader) -> CubeInfo:
        self._check_claims(dataset)
        if dataset.driver == 'ENVI':
            self._check_remote_envi(dataset)
        self._indices, self._alpha, doubt = spectral_bands(dataset, self.path)
        of_bands = dataset.dtypes  # each access asks all bands
        types = sorted({of_bands[index - 1] for index in self._indices})
        if len(types) != 1 or types[0].startswith('complex'):
            raise CubeReadError(
                f'{self.path}: the bands are of type {", ".join(types) or "none"}, expected one type of real numbers'
            )
        fields = RasterMetadata(dataset, self.path, self._indices).fields()
        fields['notes'] = (*([doubt] if doubt else []), *fields['notes'])
        companions = [name for name in dataset.files if name != self.path]
        if os.path.isfile(self.path + '.msk'):
            companions.append(self.path + '.msk')
        fields['companions'] = tuple(dict.fromkeys((*companions, *fields['companions'])))
        return CubeInfo(
            path=self.path,
            format=self.format,
            height=dataset.height,
            width=dataset.width,
            bands=len(self._indices),
            dtype=np.dtype(types[0]),
            key=self._source if self._source != self.path else None,
            mask=self._mask_in_words(dataset),
            **place_of(dataset),
            **fields,
        )

    def _mask_in_words(self, dataset: rasterio.DatasetReader) -> str | None:
        if self._alpha is not None:
            return f'opacity (alpha) in band {self._alpha}'
        of_bands = dataset.mask_flag_enums
        flags = [of_bands[index - 1] for index in self._indices]
        if any(MaskFlags.per_dataset in of_band and MaskFlags.alpha not in of_band for of_band in flags):
            return 'the mask of the file'
        return 'the masks of the bands' if any(not of_band for of_band in flags) else None

    @property
    def blocks(self) -> tuple[int, int, int] | None:
        dataset = self._handle()
        structure = dataset.tags(ns='IMAGE_STRUCTURE')
        if dataset.driver == 'GTiff' and 'COMPRESSION' not in structure:
            return None
        rows, columns = dataset.block_shapes[0]
        return rows, columns, len(self._indices) if structure.get('INTERLEAVE') == 'PIXEL' else 1

    def _read(self, window: Window, bands: Sequence[int] | None) -> np.ndarray:
        top, left, rows, columns = window
        indices = self._indices if bands is None else [self._indices[band] for band in bands]
        with raster_environment(self._network):
            block = self._handle().read(indices, window=RasterWindow(left, top, columns, rows))
        return block.transpose(1, 2, 0)

    def _read_mask(self, window: Window) -> np.ndarray:
        top, left, rows, columns = window
        part = RasterWindow(left, top, columns, rows)
        with raster_environment(self._network):
            dataset = self._handle()
            if self._alpha is not None:
                return dataset.read(self._alpha, window=part) != 0
            if self.info.mask == 'the mask of the file':
                return dataset.read_masks(self._indices[0], window=part) != 0
            return (dataset.read_masks(self._indices, window=part) != 0).all(axis=0)
