"""Write public scenes of seven sensors as files of one kind, for pre-training across sensors.

    python tools/dataset_converters/many_sensors.py SCENES [--out data/many-sensors]

SCENES holds the downloaded files as <task>/<scene>/<file>; Indian Pines comes with a package. Each scene becomes
``<name>.mat`` with 'cube' (H, W, C), 'wavelengths' (C,) in nm and 'labels' (H, W), 0 where unlabelled. Wavelengths that
a file does not state follow from the published list of its sensor and of the bands that were removed; where that list
is not known, from the usual one, which is right to a few bands. A scene for unmixing gets the material that covers more
than 70 % of a pixel as its label.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from indian_pines import convert as write_indian_pines
from scipy.io import loadmat, savemat

from mmhsi.datasets.io import read_cube
from mmhsi.utils.command_line import run_tool

_SHARE = 0.7  # of a pixel that a material must cover to be its label
# bands of AVIRIS and HYDICE, counted from 1, that published versions leave out: water vapour, and noisy ones
_AVIRIS_WATER = [*range(108, 113), *range(154, 168)]
_AVIRIS_MORE = [*range(1, 7), *range(33, 36), 97, *range(107, 114), *range(153, 167), *range(221, 225)]
_HYDICE = [*range(1, 5), 76, 87, *range(101, 112), *range(136, 154), *range(198, 211)]
ENMAP_TILES = ('128_0', '128_128', '128_32', '160_96', '192_160', '192_64', '64_0', '96_0', '96_128')


def _without(wavelengths: np.ndarray, removed: list[int]) -> np.ndarray:
    return np.delete(wavelengths, np.array(removed) - 1)


def _aviris(data: Path, bands: int) -> np.ndarray:
    """Wavelengths of AVIRIS without the bands that versions with so many bands leave out."""
    path = data / 'denoising/aviris-224-raw-bands/a_hsi_img_for_VI_demo.mat'
    every = loadmat(path)['wavelengths'].ravel()
    removed = {
        205: _AVIRIS_WATER,
        204: [*_AVIRIS_WATER, 224],
        207: _AVIRIS_WATER[:-2],
        189: _AVIRIS_MORE,
        188: [*_AVIRIS_MORE, 220],
        224: [],
    }[bands]
    return _without(every, removed)


def _dominant(abundances: np.ndarray) -> np.ndarray:
    """Labels (H, W) from abundances (H, W, P)."""
    return np.where(abundances.max(axis=-1) > _SHARE, abundances.argmax(axis=-1) + 1, 0).astype(np.uint8)


def _indian_pines(data: Path) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        write_indian_pines(folder)
        cube, labels = (loadmat(Path(folder) / f'Indian_pines_{name}.mat') for name in ('corrected', 'gt'))
    cube, labels = (next(v for k, v in each.items() if not k.startswith('__')) for each in (cube, labels))
    removed = [*range(104, 109), *range(150, 164), 220]
    return dict(cube=cube, labels=labels, wavelengths=_without(np.linspace(400, 2500, 220), removed))


def _houston(data: Path) -> dict:
    found = loadmat(data / 'classification/houston2018-crop/houston_dataset.mat')
    return dict(cube=found['hyprImg'], labels=found['clasLabs'][::4, ::4], wavelengths=np.linspace(380, 1050, 48))


def _enmap(tile: str) -> Callable[[Path], dict]:
    def read(data: Path) -> dict:
        root = data / 'classification/enmap-potsdam'
        cube, info = read_cube(str(root / f'images/enmap_potsdam_tile_{tile}.tif'))
        labels, _ = read_cube(str(root / f'labels/enmap_potsdam_tile_{tile}.tif'))
        stated = info.wavelengths
        waves = np.concatenate([np.linspace(418, 993, 91), np.linspace(902, 2445, 133)]) if stated is None else stated
        good = (cube > -32768).all(axis=(0, 1))
        order = np.argsort(waves[good], kind='stable')
        return dict(
            cube=cube[..., good][..., order], labels=labels[..., 0].astype(np.uint8), wavelengths=waves[good][order]
        )

    return read


def _samson(data: Path) -> dict:
    found = loadmat(data / 'unmixing/samson/Samson.mat')
    cube = found['Y'].reshape(156, 95, 95).transpose(2, 1, 0)  # stored column by column
    return dict(cube=cube, labels=_dominant(found['S_GT']), wavelengths=np.linspace(401, 889, 156))


def _muufl(data: Path) -> dict:
    found = loadmat(data / 'unmixing/muufl-90x90/muffle_dataset_130_90.mat')
    return dict(cube=found['Y'], labels=_dominant(found['label']), wavelengths=np.linspace(405.3, 1005.5, 64))


def _urban(data: Path) -> dict:
    cube = loadmat(data / 'unmixing/urban/subimage_Urban_R162.mat')['im']
    shares = loadmat(data / 'unmixing/urban/_EndUrban_R162.mat')['A'].reshape(4, 307, 307, order='F')
    labels = _dominant(shares[:, 223:257, 149:227].transpose(1, 2, 0))
    return dict(cube=cube, labels=labels, wavelengths=_without(np.linspace(400, 2500, 210), _HYDICE))


def _abu(name: str) -> Callable[[Path], dict]:
    def read(data: Path) -> dict:
        cube = loadmat(data / f'anomaly_detection/abu-{name}/abu-{name}.mat')['data']
        bands = cube.shape[-1]
        return dict(cube=cube, wavelengths=np.linspace(430, 860, bands) if bands == 102 else _aviris(data, bands))

    return read


def _sandiego(data: Path) -> dict:
    cube = loadmat(data / 'target_detection/sandiego-1/Sandiego.mat')['Sandiego']
    return dict(cube=cube, wavelengths=_aviris(data, 189))


def _aviris_90(data: Path) -> dict:
    found = loadmat(data / 'denoising/aviris-224-raw-bands/a_hsi_img_for_VI_demo.mat')
    return dict(cube=found['hsi_img'], wavelengths=found['wavelengths'].ravel())


def _hydice(data: Path) -> dict:
    cube = loadmat(data / 'target_detection/hydice-urban-162/hydice_urban_162.mat')['data']
    return dict(cube=cube, wavelengths=_without(np.linspace(400, 2500, 210), _HYDICE))


def _pavia_university(data: Path) -> dict:
    cube = loadmat(data / 'classification/paviaU-50x50/paviaU_subimg.mat')['paviaU_subimg']
    return dict(cube=cube, wavelengths=np.linspace(430, 860, 103))


def _pavia_centre(data: Path) -> dict:
    cube = loadmat(data / 'anomaly_detection/pavia-centre-bridge/dataPavia.mat')['PaviaCenter']
    return dict(cube=cube, wavelengths=np.linspace(430, 860, 102))


def _paris(data: Path) -> dict:
    found = loadmat(data / 'super_resolution/paris-hyperion-ali/paris_data_hs_ms.mat')
    number = np.arange(1, 243)  # of the bands of Hyperion
    waves = np.where(number <= 70, 355.6 + 10.17 * (number - 1), 851.9 + 10.09 * (number - 71))
    return dict(cube=found['HSim'], wavelengths=waves[found['non_del_bands'].ravel().astype(int) - 1])


# name: sensor, reader
SCENES: dict[str, tuple[str, Callable[[Path], dict]]] = {
    'indian-pines': ('AVIRIS', _indian_pines),
    'houston-crop': ('CASI', _houston),
    **{f'enmap-{tile}': ('EnMAP', _enmap(tile)) for tile in ENMAP_TILES},
    'muufl': ('CASI', _muufl),
    'samson': ('SAMSON', _samson),
    'urban-crop': ('HYDICE', _urban),
    **{f'abu-{name}': ('AVIRIS', _abu(name)) for name in ('airport-1', 'airport-3', 'beach-1')},
    **{f'abu-{name}': ('AVIRIS', _abu(name)) for name in ('urban-1', 'urban-2', 'urban-4', 'urban-5')},
    'sandiego': ('AVIRIS', _sandiego),
    'aviris-90': ('AVIRIS', _aviris_90),
    'hydice': ('HYDICE', _hydice),
    'pavia-university-50': ('ROSIS', _pavia_university),
    'pavia-centre-bridge': ('ROSIS', _pavia_centre),
    'paris': ('Hyperion', _paris),
}


def convert(data: str | Path, out: str | Path) -> list[Path]:
    """Write the scenes whose file is missing.

    Args:
        data (str | Path): Folder of the downloaded files.
        out (str | Path): Folder to write to; created if missing.

    Returns:
        list[Path]: The files that were written.

    Raises:
        FileNotFoundError: If a downloaded file is missing.
        ValueError: If a cube has another number of bands than its wavelengths.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, (_, read) in SCENES.items():
        path = out / f'{name}.mat'
        if path.is_file():
            continue
        found = read(Path(data))
        cube, wavelengths = np.asarray(found['cube'], np.float32), found['wavelengths']
        if len(wavelengths) != cube.shape[-1]:
            raise ValueError(f'{name}: {cube.shape[-1]} bands, but {len(wavelengths)} wavelengths')
        labels = np.asarray(found.get('labels', np.zeros(cube.shape[:2])), np.uint8)
        part = path.with_suffix('.part')
        with part.open('wb') as file:
            savemat(file, dict(cube=cube, labels=labels, wavelengths=wavelengths), do_compression=True)
        os.replace(part, path)
        written.append(path)
    return written


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description='Write public scenes of seven sensors as .mat files of one kind.')
    parser.add_argument('data', help='folder of the downloaded files, <task>/<scene>/<file>')
    parser.add_argument(
        '--out',
        default=os.path.join(os.environ.get('MMHSI_DATA', 'data'), 'many-sensors'),
        help='folder to write to (default: many-sensors in $MMHSI_DATA, or in data/)',
    )
    args = parser.parse_args(argv)
    for path in convert(args.data, args.out):
        print(f'wrote {path}')


if __name__ == '__main__':
    run_tool(main)
