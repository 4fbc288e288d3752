"""Look-alikes of the products that are GeoTIFF or JPEG 2000, with their metadata."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import from_origin

UTM33 = dict(crs='EPSG:32633', transform=from_origin(399960, 5800020, 30, 30))


def write_raster(path: Path, values: np.ndarray, driver: str = 'GTiff', **profile) -> None:
    """Write (H, W, C) or (H, W)."""
    values = values if values.ndim == 3 else values[..., None]
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        with rasterio.open(
            path,
            'w',
            driver=driver,
            height=values.shape[0],
            width=values.shape[1],
            count=values.shape[2],
            dtype=values.dtype,
            **profile,
        ) as file:
            file.write(values.transpose(2, 0, 1))


def two_detectors(first: Sequence[float], second: Sequence[float], counts: Sequence[int]) -> np.ndarray:
    """Band centres of two detectors, each from its first to its last in nm."""
    return np.concatenate([np.linspace(*ends, count) for ends, count in zip((first, second), counts, strict=True)])


def _tags(**values: object) -> str:
    return ''.join(f'<{name}>{value}</{name}>' for name, value in values.items())


def write_enmap(folder: Path, scene: Callable, rng: np.random.Generator, level: str) -> Path:
    """A folder with METADATA.XML, SPECTRAL_IMAGE.TIF and quality layers; bands 130 to 135 of L2A hold no data."""
    name = f'ENMAP01-____{level}-DT0000002039_20220724T102030Z_001_V010400_20230601T120000Z'
    wavelengths = np.sort(two_detectors((418.4, 993.3), (902.2, 2445.3), (91, 133)))
    fwhm = np.interp(wavelengths, [400, 1000, 2450], [6.5, 9.0, 8.0])
    cube = scene(rng, wavelengths)
    background = cube.shape[0] - np.arange(cube.shape[0])[:, None] + np.arange(cube.shape[1]) > cube.shape[0] + 8
    cloud = np.zeros(cube.shape[:2], bool)
    cloud[2:5, 3:6] = True
    if level == 'L2A':
        gains, offsets, fill = np.full(224, 1e-4), np.zeros(224), -32768
        stored = np.round(cube / gains).astype(np.int16)
    else:
        gains, offsets, fill = np.linspace(1.2e-5, 2e-6, 224), np.linspace(1e-4, 2e-4, 224), 0
        stored = np.round((cube * np.linspace(0.3, 0.02, 224) + 0.01 - offsets) / gains).astype(np.uint16)
    statistics = np.stack([stored.mean((0, 1)), stored.std((0, 1))], axis=1)
    if level == 'L2A':
        stored[..., 129:135], statistics[129:135] = fill, (-1000000, 0)
    stored[background] = fill
    folder = folder / name
    write_raster(folder / f'{name}-SPECTRAL_IMAGE.TIF', stored, nodata=fill, interleave='band', **UTM33)
    classes = np.where(background, 3, 1).astype(np.uint8)
    write_raster(folder / f'{name}-QL_QUALITY_CLASSES.TIF', classes, **UTM33)
    write_raster(folder / f'{name}-QL_QUALITY_CLOUD.TIF', (cloud & ~background).astype(np.uint8), **UTM33)
    write_raster(folder / f'{name}-QL_PIXELMASK.TIF', np.zeros(cube.shape, np.uint8), **UTM33)
    bands = ''.join(
        f'<bandID number="{number + 1}">'
        + _tags(
            wavelengthCenterOfBand=f'{wavelengths[number]:.4f}',
            FWHMOfBand=f'{fwhm[number]:.4f}',
            GainOfBand=f'{gains[number]:.10g}',
            OffsetOfBand=f'{offsets[number]:.10g}',
        )
        + '</bandID>'
        for number in range(224)
    )
    means = ''.join(
        f'<bandID number="{number + 1}">' + _tags(mean=f'{mean:.4f}', stdDeviation=f'{spread:.4f}') + '</bandID>'
        for number, (mean, spread) in enumerate(statistics)
    )
    (folder / f'{name}-METADATA.XML').write_text(
        '<?xml version="1.0" encoding="UTF-8"?><level_X xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f'<base>{_tags(format="ENMAP_" + level, level=level, mission="EnMAP", satelliteID="ENMAP01", sensor="HSI")}'
        '<temporalCoverage>'
        + _tags(startTime='2022-07-24T10:20:30.123456Z', stopTime='2022-07-24T10:20:34.2Z')
        + '</temporalCoverage></base>'
        f'<specific>{_tags(backgroundValue=fill)}<bandCharacterisation>{bands}</bandCharacterisation></specific>'
        f'<product><image><merge>{_tags(channels=224, name=name + "-SPECTRAL_IMAGE.TIF")}</merge></image>'
        f'<bandStatistics>{means}</bandStatistics></product></level_X>',
        encoding='utf-8',
    )
    return folder


def write_desis(folder: Path, scene: Callable, rng: np.random.Generator) -> Path:
    """A folder of L2A: METADATA.xml, SPECTRAL_IMAGE.tif with its header, QL_QUALITY.tif and QL_QUALITY-2.tif."""
    name = 'DESIS-HSI-L2A-DT1203190212_025-20191203T021128-V0210'
    wavelengths = np.linspace(401.9, 999.5, 235)
    fwhm = np.linspace(3.6, 3.3, 235)
    stored = np.round(scene(rng, wavelengths) * 1e4).astype(np.int16)
    quality = np.zeros((*stored.shape[:2], 10), np.uint8)
    quality[..., 1], quality[3:6, 2:5, 5], quality[10:12, 9:13, 6], quality[14:16, :4, 3] = 1, 1, 1, 1
    stored[:, -3:], quality[:, -3:] = -32768, 0
    write_raster(
        folder / f'{name}-SPECTRAL_IMAGE.tif', stored, nodata=-32768, interleave='pixel', compress='deflate', **UTM33
    )
    write_raster(folder / f'{name}-QL_QUALITY-2.tif', quality, **UTM33)
    write_raster(folder / f'{name}-QL_QUALITY.tif', np.zeros(stored.shape, np.uint8), **UTM33)
    bands = ''.join(
        '<band>'
        + _tags(
            bandNumber=number + 1,
            wavelengthCenterOfBand=f'{wavelengths[number]:.4f}',
            wavelengthWidthOfBand=f'{fwhm[number]:.4f}',
            gainOfBand='1.0E-4',
            offsetOfBand='0.0',
        )
        + '</band>'
        for number in range(235)
    )
    geometry = ''.join('<band>' + _tags(bandNumber=number + 1, frameShift=0) + '</band>' for number in range(235))
    (folder / f'{name}-METADATA.xml').write_text(
        '<?xml version="1.0" encoding="UTF-8"?><hsi_doc><base>'
        + _tags(mission='DESIS', satelliteID='ISS', sensor='HSI', productType='L2A')
        + '<temporalCoverage>'
        + _tags(startTime='2019-12-03T02:11:28.000', endTime='2019-12-03T02:11:32.000')
        + '</temporalCoverage></base>'
        f'<specific>{_tags(backgroundValue=-32768, numberOfBands=235)}'
        f'<interiorOrientation>{geometry}</interiorOrientation>'
        f'<bandCharacterisation>{bands}</bandCharacterisation></specific></hsi_doc>',
        encoding='utf-8',
    )
    return folder


def write_hyperion(folder: Path, scene: Callable, rng: np.random.Generator) -> Path:
    """A folder of L1T: a GeoTIFF for each of 242 bands, of which 198 are calibrated, and the text of metadata."""
    name = 'EO1H1930242013217110PZ'
    centres = np.concatenate([355.6 + 10.175 * np.arange(70), 852.0 + 10.0885 * np.arange(172)])
    radiance = scene(rng, centres) * np.interp(centres, [350, 500, 1000, 2600], [60, 200, 90, 2])
    factors = np.where(np.arange(1, 243) < 71, 40, 80)
    stored = np.round(radiance * factors).astype(np.int16)
    calibrated = np.isin(np.arange(1, 243), np.r_[8:58, 77:225])
    stored[..., ~calibrated], stored[:, :3] = 0, 0
    stored[5, 9, 130] = 0  # the water vapour lets nothing through: a value, not the background
    folder = folder / f'{name}_1T'
    for band in range(242):
        write_raster(folder / f'{name}_B{band + 1:03d}_L1T.TIF', stored[..., band], **UTM33)
    files = ''.join(f'    BAND{band}_FILE_NAME = "{name}_B{band:03d}_L1T.TIF"\n' for band in range(1, 243))
    (folder / f'{name}_MTL_L1T.TXT').write_text(
        'GROUP = L1_METADATA_FILE\n  GROUP = PRODUCT_METADATA\n    PRODUCT_TYPE = "L1T"\n    SPACECRAFT_ID = "EO1"\n'
        '    SENSOR_ID = "HYPERION"\n    ACQUISITION_DATE = 2013-08-05\n    START_TIME = 2013 217 09:42:31\n'
        f'    END_TIME = 2013 217 09:42:45\n{files}  END_GROUP = PRODUCT_METADATA\n  GROUP = RADIANCE_SCALING\n'
        '    SCALING_FACTOR_VNIR = 40.000000\n    SCALING_FACTOR_SWIR = 80.000000\n  END_GROUP = RADIANCE_SCALING\n'
        'END_GROUP = L1_METADATA_FILE\nEND\n',
        encoding='ascii',
    )
    return folder


RPB = dict(
    lineOffset=12.0,
    sampOffset=9.0,
    latOffset=37.2,
    longOffset=110.5,
    heightOffset=800.0,
    lineScale=12.0,
    sampScale=9.0,
    latScale=0.0036,
    longScale=0.0034,
    heightScale=500.0,
)


def _rpb(satellite: str) -> str:
    def polynomial(**terms: float) -> str:
        values = [f'{terms.get(name, 0.0):.6e}' for name in ('one', 'long', 'lat', *(f't{i}' for i in range(17)))]
        return '(\n' + ',\n'.join(f'\t\t\t{value}' for value in values) + ')'

    lists = dict(
        lineNumCoef=polynomial(lat=-1.0),
        lineDenCoef=polynomial(one=1.0),
        sampNumCoef=polynomial(long=1.0),
        sampDenCoef=polynomial(one=1.0),
    )
    return (
        f'satId = "{satellite}";\nbandId = "V";\nSpecId = "RPC00B";\nBEGIN_GROUP = IMAGE\n\terrBias = 0.0;\n'
        '\terrRand = 0.0;\n'
        + ''.join(f'\t{key} = {value};\n' for key, value in {**RPB, **lists}.items())
        + 'END_GROUP = IMAGE\nEND;\n'
    )


AHSI = {  # satellite: name, time, and first and last wavelength (nm), bands and width (nm) of both detectors
    'GF5B': (
        'GF5B_AHSI_E110.5_N37.2_20220615_004094_L10000182401',
        '2022-06-15 03:24:51',
        (('VNIR', 'VN', (389.9, 1029.2), 150, 4.3), ('SWIR', 'SW', (1005.2, 2512.0), 180, 8.1)),
    ),
    'ZY1E': (
        'ZY1E_AHSI_E110.50_N37.20_20200401_002884_L1A0000103284',
        '2020-04-01 03:31:07',
        (('VNIR', 'VN', (395.6, 1039.8), 76, 8.6), ('SWIR', 'SW', (1005.6, 2501.1), 90, 16.8)),
    ),
}


def write_ahsi(folder: Path, scene: Callable, rng: np.random.Generator, satellite: str = 'GF5B') -> Path:
    """A folder of GF-5B or ZY1-02D: TIFFs of both detectors, texts of calibration and bands, RPC, corners in XML."""
    name, start, detectors = AHSI[satellite]
    folder = folder / name
    for detector, short, ends, count, width in detectors:
        wavelengths = np.linspace(*ends, count)
        gains = np.linspace(0.05, 0.02, count)
        stored = np.round(
            scene(np.random.default_rng(7), wavelengths) * np.interp(wavelengths, [390, 2600], [150, 3]) / gains
        ).astype(np.uint16)
        write_raster(folder / f'{name}_{short}.tif', stored)
        (folder / f'{name}_{short}.rpb').write_text(_rpb(satellite), encoding='ascii')
        (folder / f'{satellite}_AHSI_RadCal_{detector}.raw').write_text(
            ''.join(f'{gain:.8f},0.0\n' for gain in gains), encoding='ascii'
        )
        (folder / f'{satellite}_AHSI_Spectralresponse_{detector}.raw').write_text(
            ''.join(f'{centre:.4f},{width:.4f}\n' for centre in wavelengths), encoding='ascii'
        )
    corners = {
        f'{corner}{axis}': value
        for corner, x, y in (
            ('TopLeft', 110.4966, 37.2036),
            ('TopRight', 110.5034, 37.2036),
            ('BottomRight', 110.5034, 37.1964),
            ('BottomLeft', 110.4966, 37.1964),
        )
        for axis, value in (('Latitude', y), ('Longitude', x))
    }
    (folder / f'{name}.xml').write_text(
        '<?xml version="1.0" encoding="UTF-8"?><ProductMetaData>'
        + _tags(
            SatelliteID=satellite, SensorID='AHSI', StartTime=start, LinesInPixels=24, SamplesInPixels=18, **corners
        )
        + '</ProductMetaData>',
        encoding='utf-8',
    )
    return folder


SENTINEL2 = {  # band: metres, first and last wavelength of the response, centre (nm)
    'B01': (60, 412, 456, 442.7),
    'B02': (10, 456, 533, 492.7),
    'B03': (10, 538, 583, 559.8),
    'B04': (10, 646, 684, 664.6),
    'B05': (20, 695, 714, 704.1),
    'B06': (20, 731, 749, 740.5),
    'B07': (20, 769, 797, 782.8),
    'B08': (10, 760, 907, 832.8),
    'B8A': (20, 837, 881, 864.7),
    'B09': (60, 932, 958, 945.1),
    'B10': (60, 1337, 1412, 1373.5),
    'B11': (20, 1539, 1682, 1613.7),
    'B12': (20, 2078, 2320, 2202.4),
}


def write_sentinel2(folder: Path, scene: Callable, rng: np.random.Generator, level: str) -> Path:
    """A .SAFE folder of 60 x 60 pixels at 10 m, with the offset of baseline 04.00 and the classes of L2A."""
    tile, time = 'T33UUU', '20220724T101601'
    name = f'S2A_MSI{level}_{time}_N0400_R065_{tile}_20220724T150000.SAFE'
    granule = f'{level}_{tile}_A037012_{time}'
    folder = folder / name
    centres = np.array([item[3] for item in SENTINEL2.values()])
    cube = np.round(scene(rng, centres, (60, 60)) * 1e4 + 1000).astype(np.uint16)
    cube[:6, :12] = 0
    images, written = [], [band for band in SENTINEL2 if not (level == 'L2A' and band == 'B10')]
    for band in written:
        metres = SENTINEL2[band][0]
        step = metres // 10
        coarse = cube[::step, ::step, list(SENTINEL2).index(band)]
        for size in (metres,) if level == 'L1C' or metres == 60 else {metres, 60}:
            place = f'R{size}m/{tile}_{time}_{band}_{size}m' if level == 'L2A' else f'{tile}_{time}_{band}'
            images.append((f'GRANULE/{granule}/IMG_DATA/{place}', coarse[:: size // metres, :: size // metres], size))
    if level == 'L2A':
        classes = np.full((30, 30), 4, np.uint8)
        classes[:3, :6], classes[10:14, 10:14], classes[20:22, 3:9], classes[25, 25] = 0, 9, 3, 1
        images.append((f'GRANULE/{granule}/IMG_DATA/R20m/{tile}_{time}_SCL_20m', classes, 20))
    for path, values, metres in images:
        write_raster(
            folder / f'{path}.jp2',
            values,
            'JP2OpenJPEG',
            crs='EPSG:32633',
            quality=100,
            reversible='YES',
            transform=from_origin(399960, 5800020, metres, metres),
        )
    key = '' if level == 'L1C' else 'BOA_'
    spectral = ''.join(
        f'<Spectral_Information bandId="{number}" physicalBand="{band.replace("B0", "B")}">'
        f'{_tags(RESOLUTION=metres)}<Wavelength><MIN unit="nm">{low}</MIN><MAX unit="nm">{high}</MAX>'
        f'<CENTRAL unit="nm">{centre}</CENTRAL></Wavelength><Spectral_Response><STEP unit="nm">1</STEP><VALUES>'
        + ' '.join(
            f'{value:.6f}' for value in np.clip(np.sin(np.linspace(0.05, np.pi - 0.05, high - low + 1)) * 1.5, 0, 1)
        )
        + '</VALUES></Spectral_Response></Spectral_Information>'
        for number, (band, (metres, low, high, centre)) in enumerate(SENTINEL2.items())
    )
    offset = 'RADIO_ADD_OFFSET' if level == 'L1C' else 'BOA_ADD_OFFSET'
    offsets = ''.join(f'<{offset} band_id="{number}">-1000</{offset}>' for number in range(13))
    files = ''.join(f'<IMAGE_FILE>{path}</IMAGE_FILE>' for path, _, _ in images)
    list_name = 'Radiometric_Offset_List' if level == 'L1C' else 'BOA_ADD_OFFSET_VALUES_LIST'
    quantification = f'<{key}QUANTIFICATION_VALUE unit="none">10000</{key}QUANTIFICATION_VALUE>'
    if level == 'L2A':
        quantification = f'<QUANTIFICATION_VALUES_LIST>{quantification}</QUANTIFICATION_VALUES_LIST>'
    short = level[1:]
    (folder / f'MTD_MSI{level}.xml').write_text(
        f'<?xml version="1.0" encoding="UTF-8" standalone="no"?><n1:Level-{short}_User_Product '
        f'xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-{short}.xsd"><n1:General_Info>'
        '<Product_Info>'
        + _tags(
            PRODUCT_START_TIME='2022-07-24T10:16:01.024Z',
            PRODUCT_STOP_TIME='2022-07-24T10:16:01.024Z',
            PRODUCT_URI=name,
            PROCESSING_LEVEL=f'Level-{short}',
            PRODUCT_TYPE=f'S2MSI{short}',
            PROCESSING_BASELINE='04.00',
        )
        + '<Datatake datatakeIdentifier="GS2A_20220724T101601_037012_N04.00"><SPACECRAFT_NAME>Sentinel-2A'
        '</SPACECRAFT_NAME></Datatake><Query_Options completeSingleTile="true"><PRODUCT_FORMAT>SAFE_COMPACT'
        '</PRODUCT_FORMAT></Query_Options><Product_Organisation><Granule_List>'
        f'<Granule granuleIdentifier="S2A_OPER_MSI_{level}_TL_VGS4_20220724T150000_A037012_{tile}_N04.00" '
        f'imageFormat="JPEG2000">{files}</Granule></Granule_List></Product_Organisation></Product_Info>'
        f'<Product_Image_Characteristics><Special_Values>'
        f'{_tags(SPECIAL_VALUE_TEXT="NODATA", SPECIAL_VALUE_INDEX=0)}</Special_Values><Special_Values>'
        f'{_tags(SPECIAL_VALUE_TEXT="SATURATED", SPECIAL_VALUE_INDEX=65535)}</Special_Values>'
        f'{quantification}<{list_name}>{offsets}</{list_name}><Spectral_Information_List>{spectral}'
        f'</Spectral_Information_List></Product_Image_Characteristics></n1:General_Info>'
        f'</n1:Level-{short}_User_Product>',
        encoding='utf-8',
    )
    sizes = ''.join(
        f'<Size resolution="{metres}">{_tags(NROWS=600 // metres, NCOLS=600 // metres)}</Size>'
        f'<Geoposition resolution="{metres}">'
        f'{_tags(ULX=399960, ULY=5800020, XDIM=metres, YDIM=-metres)}</Geoposition>'
        for metres in (10, 20, 60)
    )
    (folder / 'GRANULE' / granule / 'MTD_TL.xml').write_text(
        f'<?xml version="1.0" encoding="UTF-8" standalone="no"?><n1:Level-{short}_Tile_ID '
        f'xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-{short}_Tile_Metadata.xsd">'
        f'<n1:General_Info>{_tags(SENSING_TIME="2022-07-24T10:20:30.123Z")}</n1:General_Info><n1:Geometric_Info>'
        '<Tile_Geocoding>'
        + _tags(HORIZONTAL_CS_NAME='WGS84 / UTM zone 33N', HORIZONTAL_CS_CODE='EPSG:32633')
        + f'{sizes}</Tile_Geocoding></n1:Geometric_Info></n1:Level-{short}_Tile_ID>',
        encoding='utf-8',
    )
    return folder
