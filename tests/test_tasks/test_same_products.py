"""For each family, tools/test.py and tools/predict.py give the same products of a scene, with the same values."""

import csv
import runpy
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from inference_cases import save_checkpoint
from mmengine.config import Config
from rasterio.transform import from_origin

from mmhsi.apis import find_model
from mmhsi.datasets import get_scene, write_raster
from mmhsi.datasets.io import CubeInfo
from mmhsi.datasets.transforms.units import file_units
from mmhsi.tasks import task_name
from mmhsi.tasks.restorers import restoration_dataset
from mmhsi.tasks.task import test_dataset as innermost

ROOT = Path(__file__).resolve().parents[2]
SIDE = 36
PLACE = dict(crs=rasterio.crs.CRS.from_epsg(32616).to_wkt(), transform=tuple(from_origin(5e5, 4e6, 20, 20))[:6])
FAMILIES = {
    'classification': ('indian-pines-tiles', {'classes.tif'}),
    'target_detection': ('target-demo', {'scores.tif', 'detected.tif'}),
    'anomaly_detection': ('anomaly-demo', {'scores.tif', 'detected.tif'}),
    'change_detection': ('change-demo', {'classes.tif'}),
    'multispectral_change_detection': ('oscd-demo', {'classes.tif'}),
    'unmixing': ('unmixing-demo', {'abundances.tif', 'endmembers.csv', 'endmembers.hdr', 'endmembers.sli'}),
    'denoising': ('denoising-demo', {'restored.tif'}),
    'super_resolution': ('super-resolution-demo', {'restored.tif'}),
}


def write_cube(path: Path, bands: int, seed: int) -> np.ndarray:
    """A georeferenced mixture of five spectra with a little noise; one pixel holds no data."""
    rng = np.random.default_rng(seed)
    spectra = np.random.default_rng(1).uniform(500, 4000, (5, bands))
    cube = rng.dirichlet(np.ones(5), (SIDE, SIDE)) @ spectra + rng.normal(0, 20, (SIDE, SIDE, bands))
    info = CubeInfo('', '', SIDE, SIDE, bands, np.dtype('f4'), **PLACE)
    write_raster(path, cube.astype(np.float32), info)
    return cube.astype(np.float32)


def experiment(family: str, folder: Path) -> tuple[Config, list[Path]]:
    """The demo config of a family on a small scene, and the files to predict."""
    cfg = Config(Config.fromfile(find_model(FAMILIES[family][0]).config).to_dict())
    dataset = innermost(cfg)
    bands = dataset.scene.num_bands
    files = [folder / 'field.tif', folder / 'field_2.tif']
    for seed, path in enumerate(files):
        write_cube(path, bands, seed)
    names = ('type', 'num_bands', 'preprocessing', 'joint')
    kept = {key: dataset.scene[key] for key in names if key in dataset.scene}
    scene = dict(kept, name='field', image=str(files[0]))
    labels = np.random.default_rng(2).integers(0, 2, (SIDE, SIDE))
    if family in ('change_detection', 'multispectral_change_detection'):
        scene.update(
            image=(str(files[0]), str(files[1])),
            labels=str(folder / 'labels.npy'),
            label_codes=dict(unchanged=0, changed=1),
        )
    elif family == 'classification':
        labels = np.random.default_rng(2).integers(0, 17, (SIDE, SIDE))
        scene.update(labels=str(folder / 'labels.npy'), classes=dataset.scene.classes)
        files = files[:1]
    elif family == 'unmixing':
        scene.update(num_endmembers=3)
        files = files[:1]
    elif family.endswith('detection'):
        spectrum = dict(target_spectrum=dict(path=str(folder / 'spectrum.csv')))
        np.savetxt(folder / 'spectrum.csv', np.linspace(500, 4000, bands))
        scene.update(
            labels=str(folder / 'labels.npy'),
            classes=dataset.scene.get('classes', ('background', 'target')),
            **(spectrum if family == 'target_detection' else {}),
        )
        files = files[:1]
    np.save(folder / 'labels.npy', labels)
    dataset.scene = scene
    for key in ('evaluate_on', 'areas'):
        dataset.pop(key, None)
    if family == 'denoising':  # noise may leave the range to which the preprocessing of the noisy file clips
        dataset.pipeline = [step for step in dataset.pipeline if step['type'].startswith('Pack')]
    if 'names' in dataset:
        dataset.names = ['field']
    if 'scene' in cfg.test_evaluator:
        cfg.test_evaluator.scene = scene
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = None
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.param_scheduler = cfg.custom_hooks = None
    cfg.default_hooks.pop('checkpoint')
    cfg.vis_backends = cfg.visualizer = None
    return cfg, files


def degraded_file(cfg: Config, folder: Path) -> Path:
    """The degraded image of the test of a restoration config, in the units of its scene, as a file."""
    sample = restoration_dataset(cfg.test_dataloader.dataset)[0]
    factor, offset = file_units(get_scene(innermost(cfg).scene).transforms)
    image = (sample['img'] * factor + offset).astype(np.float32)
    height, width, bands = image.shape
    across = SIDE // width
    a, b, c, d, e, f = PLACE['transform']
    info = CubeInfo(
        '', '', height, width, bands, np.dtype('f4'), crs=PLACE['crs'], transform=(a * across, b, c, d, e * across, f)
    )
    path = folder / 'degraded' / 'field.tif'
    path.parent.mkdir()
    write_raster(path, image, info)
    return path


@pytest.mark.slow
@pytest.mark.parametrize('family', FAMILIES)
def test_test_and_prediction_agree(family, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg, files = experiment(family, tmp_path)
    assert task_name(cfg) == family
    scene = get_scene(innermost(cfg).scene)
    state = {name: torch.from_numpy(np.array(value)) for name, value in scene.state_dict().items()}
    meta = dict(classes=scene.classes, palette=scene.palette) if scene.classes else {}
    weights = save_checkpoint(tmp_path / 'toy.pth', cfg, dict(scene_name='field', transforms=state), meta)
    if family in ('denoising', 'super_resolution'):
        files = [degraded_file(cfg, tmp_path)]
    cfg.dump('config.py')
    runpy.run_path(str(ROOT / 'tools/test.py'))['main'](
        ['config.py', str(weights), '--work-dir', 'runs', '--show-dir', 'tested']
    )
    assert (
        runpy.run_path(str(ROOT / 'tools/predict.py'))['main'](
            [*map(str, files), '-c', 'config.py', '-w', str(weights), '-o', 'predicted', '--quiet', '--device', 'cpu']
        )
        == 0
    )

    products = FAMILIES[family][1]
    for folder in ('tested', 'predicted'):
        found = {path.name.partition('_')[2] for path in Path(folder).iterdir()}
        assert products <= found, folder
    for name in sorted(products):
        tested, predicted = (next(Path(folder).glob(f'*_{name}')) for folder in ('tested', 'predicted'))
        assert tested.name == predicted.name
        compare(tested, predicted)


def compare(tested: Path, predicted: Path) -> None:
    """The same values, place and names in two products."""
    if tested.suffix == '.tif':
        with rasterio.open(tested) as one, rasterio.open(predicted) as other:
            np.testing.assert_allclose(one.read(), other.read(), rtol=2e-5, atol=2e-5 * np.nanmax(np.abs(one.read())))
            assert (one.crs, one.descriptions, one.dtypes) == (other.crs, other.descriptions, other.dtypes)
            np.testing.assert_allclose(one.transform, other.transform)
            assert one.tags(1) == other.tags(1)
            np.testing.assert_equal(one.nodata, other.nodata)
    elif tested.suffix == '.csv':
        (head, *rows), (other_head, *other_rows) = (list(csv.reader(path.open())) for path in (tested, predicted))
        assert head == other_head
        np.testing.assert_allclose(np.array(rows, float), np.array(other_rows, float), rtol=1e-6)
    elif tested.suffix == '.hdr':
        assert tested.read_text() == predicted.read_text()
    else:
        np.testing.assert_array_equal(np.fromfile(tested, '<f4'), np.fromfile(predicted, '<f4'))
