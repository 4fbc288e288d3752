"""Verifying the files of a dataset and the scenes of a config."""

import hashlib
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from mmhsi.datasets.io.base import CubeInfo
from mmhsi.datasets.io.cube import open_reader
from mmhsi.datasets.io.errors import CubeReadError
from mmhsi.datasets.io.folders import SCENE_SUFFIXES
from mmhsi.datasets.io.products import product_title
from mmhsi.datasets.io.spectra_arrays import open_listing
from mmhsi.datasets.scenes.cube_source import CubeSource
from mmhsi.datasets.scenes.scene_list import fill_name, image_sources, scene_configs, scene_names
from mmhsi.datasets.scenes.shared_scenes import get_scenes
from mmhsi.datasets.splits.split import SUBSETS
from mmhsi.utils.progress import progress_bar
from mmhsi.utils.text import listed

ARRAYS = ('.mat', '.h5', '.hdf5', '.he5', '.nc', '.npy', '.npz')
LARGEST_LABEL = 1000
BLOCK_BYTES = 2**26


def describe_values(info: CubeInfo, read: Callable) -> str:
    """Size, type and range of a cube or a map, non-finite values, and the number of pixels of each label."""
    rows = max(1, BLOCK_BYTES // max(1, info.width * info.bands * info.dtype.itemsize))
    low, high, nan, infinite, no_data = math.inf, -math.inf, 0, 0, 0
    labels: np.ndarray | None = np.zeros(LARGEST_LABEL + 1, np.int64)
    for top in progress_bar(range(0, info.height, rows), 'reading', 'blocks', after=2.0):
        block = read((top, 0, min(rows, info.height - top), info.width))
        finite = np.isfinite(block)
        nan += int(np.isnan(block).sum())
        infinite += int((~finite).sum()) - int(np.isnan(block).sum())
        missing = info.no_data(block) & finite
        no_data += int(missing.sum())
        finite &= ~missing
        values = block[finite]
        if values.size:
            low, high = min(low, values.min()), max(high, values.max())
            whole = info.bands == 1 and low >= 0 and high <= LARGEST_LABEL and (values == np.floor(values)).all()
            labels = (
                labels + np.bincount(values.astype(np.int64).ravel(), minlength=LARGEST_LABEL + 1)
                if whole and labels is not None
                else None
            )
    text = f'{info.height} x {info.width} pixels, {info.bands} bands, {info.dtype}'
    text += f', {low:g} to {high:g}' if low <= high else ', no value'
    text += ''.join(
        f', {count} {what}' for count, what in ((nan, 'NaN'), (infinite, 'infinite'), (no_data, 'nodata')) if count
    )
    if info.wavelengths is not None:
        text += f', {info.wavelengths.min():g} to {info.wavelengths.max():g} nm'
    if info.bands == 1 and labels is not None:
        counts = [f'{label}: {labels[label]}' for label in np.flatnonzero(labels)]
        text += f'; pixels by label {listed(counts, 40)}'
    return text


def check_file(path: Path, images: Sequence[Mapping] = ()) -> Iterator[tuple[str, bool]]:
    """The content of a file, array by array, and whether it could be read; arrays of ``images`` as these are read."""
    try:
        if path.suffix.lower() not in ARRAYS or product_title(path) is not None:
            with open_reader(path) as reader:
                yield describe_values(reader.info, reader.read), True
            return
        with open_listing(str(path)) as listing:
            variables = listing.variables
    except (CubeReadError, OSError) as error:
        yield str(error), False
        return
    for name, variable in variables.items():
        shape, what = variable.shape, f'{name or "array"} {variable.shape}'
        image = next((image for image in images if image.get('key', name) in (name, None)), None)
        if image is not None:
            yield _check_image(image, name or 'array')
            continue
        if not variable.numeric or len(shape) not in (2, 3) or min(shape) == 1:
            yield f'{what} {variable.kind}', True
            continue
        try:
            with open_reader(path, name or None, layout='hwc', ndim=len(shape)) as reader:
                yield f'{name or "array"}: {describe_values(reader.info, reader.read)}', True
        except (CubeReadError, OSError) as error:
            yield str(error), False


def _check_image(image: Mapping, name: str) -> tuple[str, bool]:
    try:
        source = CubeSource(image, keep_bad_bands=True)
        try:
            return f'{name}: {describe_values(source.info, source.stored)}', True
        finally:
            source.close()
    except (ValueError, OSError) as error:
        return str(error), False


def laid_out(scene: Mapping) -> Iterator[Mapping]:
    """The images of a scene whose axes the config states, each with its whole path."""
    for image in image_sources(scene):
        if isinstance(image, Mapping) and ('layout' in image or 'size' in image):
            yield {**image, 'path': os.path.join(scene.get('data_root') or '', image['path'])}


def scenes_of(node: object) -> Iterator[Mapping]:
    """The configs of all scenes in a config; of a scene that stands for several places, one for each."""
    if isinstance(node, Mapping):
        places = scene_names(node['names'], node.get('exclude') or ()) if 'names' in node else ()
        for key, value in node.items():
            if key == 'scene' and isinstance(value, Mapping) and places:
                yield from (dict(fill_name(value, place), name=place) for place in places)
            elif key == 'scene' and isinstance(value, Mapping):
                if '{name}' not in repr(value.get('image')):  # else its places are named elsewhere
                    yield value
            else:
                yield from scenes_of(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from scenes_of(value)


def files_of(scene: object) -> Iterator[Path]:
    """The files named in the nested config of a scene."""
    root = scene.get('data_root') or '' if isinstance(scene, Mapping) else ''

    def visit(node: object) -> Iterator[Path]:
        if isinstance(node, Mapping):
            for key, value in node.items():
                if key not in ('type', 'name', 'data_root'):
                    yield from visit(value)
        elif isinstance(node, (list, tuple)):
            for value in node:
                yield from visit(value)
        elif isinstance(node, str) and Path(node).suffix.lower() in SCENE_SUFFIXES:
            yield Path(root, node)

    try:
        listed = scene_configs(scene) if isinstance(scene, Mapping) else [scene]
    except (ValueError, OSError):
        listed = [scene]  # which check_scene reports
    for each in listed:
        yield from visit(each)


def check_scene(scene: Mapping) -> tuple[str, bool]:
    """Build a scene; its description, or the reason why it is invalid."""
    name = scene.get('name', scene.get('type'))
    try:
        scenes = get_scenes(scene)
        sizes = [f'{built.height} x {built.width}' for built in scenes]
        count = '' if len(scenes) == 1 else f'{len(scenes)} scenes, '
        text = f'scene {name}: {count}{", ".join(dict.fromkeys(sizes))} pixels, {len(scenes[0].classes)} classes'
        if all(built.split is not None for built in scenes):
            train, val, test = (sum(len(getattr(built.split, part)) for built in scenes) for part in SUBSETS)
            text += f', {train} training, {val} validation, {test} test pixels'
        return text, True
    except (ValueError, OSError, KeyError, TypeError) as error:
        return f'scene {name}: {error}', False


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open('rb') as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def compare_checksums(listing: Path, root: Path, files: list[Path]) -> Iterator[str]:
    """Differences between the files and a list in the format of ``sha256sum``, with paths relative to the root."""
    expected = {}
    for line in listing.read_text(encoding='utf-8').splitlines():
        if line.strip():
            digest, _, name = line.partition(' ')
            expected[name.lstrip(' *')] = digest
    found = {os.path.relpath(path, root): path for path in files}
    for name, digest in expected.items():
        if not (root / name).is_file():
            yield f'{root / name}: the file is absent, and {listing} lists it'
        elif checksum(root / name) != digest:
            yield f'{root / name}: the checksum differs from that in {listing}'
    for name in sorted(found.keys() - expected.keys()):
        yield f'{found[name]}: the file is not in {listing}'
