"""Look-alikes of the products that are ENVI images: AVIRIS and line cameras."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

HYSPEX = b'HYSPEX\0\0' + (3584).to_bytes(4, 'little') + bytes(3572)
"""The beginning of a file: a word, the length of the binary header, and settings, which are empty here."""


def write_envi(path: Path, values: np.ndarray, header: dict, interleave: str = 'bil', big: bool = False) -> None:
    """Write (H, W, C) as a raw file and a header next to it, ``<path>.hdr``."""
    types = {'u1': 1, 'i2': 2, 'i4': 3, 'f4': 4, 'u2': 12}
    order = {'bil': (0, 2, 1), 'bip': (0, 1, 2), 'bsq': (2, 0, 1)}[interleave]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(values.transpose(order).astype(values.dtype.newbyteorder('>' if big else '<')).tobytes())

    def text(value: object) -> str:
        if isinstance(value, (np.ndarray, list)):
            words = [f'{item:g}' if isinstance(item, float) else str(item) for item in value]
            lines = [', '.join(words[start : start + 8]) for start in range(0, len(words), 8)]
            return '{\n' + ',\n'.join(lines) + '}'
        return str(value)

    fields = {
        'samples': values.shape[1],
        'lines': values.shape[0],
        'bands': values.shape[2],
        'header offset': 0,
        'file type': 'ENVI Standard',
        'data type': types[values.dtype.str[1:]],
        'interleave': interleave,
        'byte order': int(big),
        **header,
    }
    path.with_name(
        path.with_suffix('').name + '.hdr' if path.suffix in ('.raw', '.dat') else path.name + '.hdr'
    ).write_text('ENVI\n' + ''.join(f'{key} = {text(value)}\n' for key, value in fields.items()), encoding='ascii')


def write_aviris_ng(folder: Path, scene: Callable, rng: np.random.Generator) -> Path:
    """A folder of reflectance, float BIL on a rotated grid, with its lookup table."""
    flight = 'ang20180814t224053'
    folder = folder / f'{flight}_rfl_v2r2'
    wavelengths = np.round(np.linspace(376.86, 2500.44, 425), 4)
    values = scene(rng, wavelengths).astype(np.float32)
    values[:4, :5] = -9999
    place = {
        'map info': '{UTM, 1.000, 1.000, 540000.0, 3780000.0, 5.0, 5.0, 11, North, WGS-84, units=Meters, rotation=30.0}'
    }
    write_envi(
        folder / f'{flight}_corr_v2r2_img',
        values,
        {
            'description': '{AVIRIS-NG Measured Radiance in uW nm-1 cm-2 sr-1}',
            'wavelength units': 'Nanometers',
            'data ignore value': -9999,
            'wavelength': wavelengths,
            'fwhm': np.full(425, 5.7),
            **place,
        },
    )
    write_envi(
        folder / f'{flight}_rdn_v2r2_glt',
        np.zeros((*values.shape[:2], 2), np.int32),
        {'band names': '{sample, line}', **place},
    )
    return folder


def write_aviris_classic(folder: Path, scene: Callable, rng: np.random.Generator) -> Path:
    """A folder of radiance, big-endian integers with the factors in .gain and the bands in .spc."""
    flight = 'f130503t01p00r08'
    folder = folder / f'{flight}rdn_e'
    wavelengths = np.concatenate(
        [
            np.linspace(*ends, count)
            for ends, count in (
                ((365.9, 654.8), 32),
                ((648.2, 1253.4), 64),
                ((1242.7, 1867.6), 64),
                ((1867.0, 2496.2), 64),
            )
        ]
    )
    gains = np.repeat([300, 600, 1200], [110, 50, 64]).astype(float)
    stored = np.round(scene(rng, wavelengths) * np.interp(wavelengths, [366, 500, 2500], [8, 20, 0.3]) * gains)
    stored[:3, :6] = -50
    write_envi(
        folder / f'{flight}rdn_e_sc01_ort_img',
        stored.astype(np.int16),
        {
            'description': '{AVIRIS orthocorrected calibrated radiance}',
            'map info': '{UTM, 1.000, 1.000, 720000.0, 3800000.0, 16.0, 16.0, 10, North, WGS-84, units=Meters}',
            'band names': '{AVIRIS radiance}',
        },
        interleave='bip',
        big=True,
    )
    (folder / f'{flight}rdn_e.gain').write_text(
        ''.join(f'{gain:.6f} {number + 1}\n' for number, gain in enumerate(gains)), encoding='ascii'
    )
    (folder / f'{flight}rdn_e.spc').write_text(
        ''.join(f'{centre:.4f} 9.8000 0.1 0.1 {number + 1}\n' for number, centre in enumerate(wavelengths)),
        encoding='ascii',
    )
    return folder


def _camera(scene: Callable, rng: np.random.Generator, count: int) -> tuple[np.ndarray, ...]:
    """Bands, image, dark and white reference of a camera with uneven light and offset over columns and bands."""
    wavelengths = np.round(np.linspace(397.3, 1003.6, count), 2)
    cube = scene(rng, wavelengths)
    light = (
        2500 * np.interp(wavelengths, [400, 650, 1000], [0.4, 1, 0.5]) * np.linspace(0.8, 1.1, cube.shape[1])[:, None]
    )
    dark = 90 + 20 * rng.random((cube.shape[1], count))
    image = np.round(cube * light + dark).astype(np.uint16)
    noise = rng.integers(-2, 3, (2, 10, cube.shape[1], count))
    references = [
        np.round(level + noise[number]).astype(np.uint16) for number, level in enumerate((dark, 0.5 * light + dark))
    ]
    return wavelengths, image, *references


def write_specim(folder: Path, scene: Callable, rng: np.random.Generator) -> Path:
    """A folder of Specim's Lumo: capture/ with the image and both references, the white one at half the exposure."""
    name = 'leaf_0001'
    folder = folder / name
    wavelengths, image, dark, white = _camera(scene, rng, 112)
    for beginning, values, exposure in (('', image, 20.0), ('DARKREF_', dark, 20.0), ('WHITEREF_', white, 10.0)):
        write_envi(
            folder / 'capture' / f'{beginning}{name}.raw',
            values,
            {
                'sensor type': 'SPECIM FX10',
                'acquisition date': 'DATE(yyyy-mm-dd): 2022-11-11',
                'tint': exposure,
                'wavelength': wavelengths,
                'fwhm': np.full(112, 5.5),
                'wavelength units': 'nm',
            },
        )
    return folder


def write_headwall(folder: Path, scene: Callable, rng: np.random.Generator) -> Path:
    """A folder of Headwall's cameras: raw_0, darkReference, whiteReference, without exposures in the headers."""
    folder = folder / '100001_flight_2021_06_01'
    wavelengths, image, dark, white = _camera(scene, rng, 96)
    for name, values in (('raw_0', image), ('darkReference', dark), ('whiteReference', white)):
        write_envi(
            folder / name,
            values,
            {'description': '{Headwall Hyperspec}', 'wavelength units': 'nm', 'wavelength': wavelengths},
        )
    return folder


def write_hyspex(folder: Path, scene: Callable, rng: np.random.Generator) -> Path:
    """A folder of HySpex: image, dark and white reference with a binary header, exposures in the descriptions."""
    name = 'field_VNIR_1800_SN00840_FOVx2_20200615T101112_raw'
    folder = folder / 'hyspex'
    wavelengths, image, dark, white = _camera(scene, rng, 186)
    for beginning, values, exposure in (('', image, 20000), ('dark_', dark, 20000), ('white_', white, 5000)):
        path = folder / f'{beginning}{name}'
        write_envi(
            path,
            values,
            {
                'description': f'{{HySpex VNIR-1800\nFrameperiod = 40000\nIntegration time = {exposure}\nBinning = 1}}',
                'header offset': len(HYSPEX),
                'wavelength units': 'nm',
                'wavelength': wavelengths,
            },
        )
        path.with_name(path.name + '.hyspex').write_bytes(HYSPEX + path.read_bytes())
        path.unlink()
    return folder
