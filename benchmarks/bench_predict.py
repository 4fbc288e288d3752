"""Time and memory of predicting a scene that is larger than memory, with a check of the product.

    python benchmarks/bench_predict.py                          (tile protocol, 5000 x 5000 pixels of 100 bands)
    python benchmarks/bench_predict.py --protocol windows --rows 20     (part of the rows; the whole is extrapolated)

A GeoTIFF of int16 values is generated block by block: the spectra of Indian Pines' first 100 bands over a mosaic of its
classes, mirrored over the scene, with noise and a corner without data. A tiny HyperSIGMA with random weights classifies
it through tools/predict.py in a process of its own, whose peak memory is measured. The product is opened with rasterio:
size, georeference, colours and nodata are checked, and its classes compared with those of a part predicted separately.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from rasterio.transform import from_origin
from rasterio.windows import Window
from tensorly.datasets import load_indian_pines

import mmhsi  # noqa: F401  lets mmseg and mmpretrain be imported with mmcv-lite
from mmhsi.apis import HSIInferencer
from mmhsi.registry import MODELS

ROOT = Path(__file__).parents[1]
CONFIGS = {
    'tiles': 'configs/classification/hypersigma-tiny_seg_indian-pines.py',
    'windows': 'configs/classification/hypersigma-tiny_cls_indian-pines.py',
}
NODATA, CORNER, BLOCK, PIECE = -32768, 100, 256, 128


def generate(path: Path, rows: int, columns: int, bands: int) -> None:
    """Write the scene, a row of blocks at a time."""
    cube = np.asarray(load_indian_pines().tensor)[:PIECE, :PIECE, :bands].astype(np.int16)
    cube = np.concatenate([cube, cube[:, ::-1]], axis=1)
    cube = np.concatenate([cube, cube[::-1]])  # neighbouring copies meet without an edge
    rng = np.random.default_rng(0)
    noise = rng.integers(-40, 41, (BLOCK, columns + BLOCK), dtype=np.int16)
    row = np.concatenate([cube] * (-(-columns // BLOCK)), axis=1)[:, :columns].transpose(2, 0, 1)
    with rasterio.open(
        path,
        'w',
        driver='GTiff',
        height=rows,
        width=columns,
        count=bands,
        dtype='int16',
        nodata=NODATA,
        crs='EPSG:32616',
        transform=from_origin(500000, 4480000, 20, 20),
        tiled=True,
        blockxsize=BLOCK,
        blockysize=BLOCK,
        interleave='band',
        bigtiff='yes',
    ) as dataset:
        for top in range(0, rows, BLOCK):
            height = min(BLOCK, rows - top)
            values = row[:, :height] + noise[:height, int(rng.integers(BLOCK)) :][None, :, :columns]
            if top < CORNER:
                values[:, :CORNER, :CORNER] = NODATA
            dataset.write(values, window=Window(0, top, columns, height))


def make_config(protocol: str, bands: int, folder: Path) -> Path:
    """The config of the tiny network for a number of bands, with standardised bands instead of components."""
    cfg = Config.fromfile(ROOT / CONFIGS[protocol])
    dataset = cfg.test_dataloader.dataset
    if protocol == 'tiles':
        dataset.update(tile_size=128, overlap=16)
        cfg.model.backbone.spatial.img_size = cfg.model.backbone.spectral.img_size = 128
    cfg.model.data_preprocessor.num_bands = cfg.model.backbone.spatial.in_channels = bands
    dataset.scene.update(preprocessing=[dict(type='Standardize')], num_bands=bands)
    cfg.dump(folder / 'config.py')
    return folder / 'config.py'


def make_weights(config: Path, bands: int, folder: Path) -> Path:
    """A checkpoint with random weights and the statistics of Indian Pines."""
    cfg = Config.fromfile(config)
    init_default_scope('mmhsi')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    MMLogger.get_current_instance().setLevel('WARNING')  # or every parameter is listed
    model.init_weights()
    pixels = np.asarray(load_indian_pines().tensor)[..., :bands].reshape(-1, bands).astype(float)
    state = {
        '0.Standardize.mean': torch.from_numpy(pixels.mean(axis=0)),
        '0.Standardize.std': torch.from_numpy(pixels.std(axis=0)),
    }
    torch.save(
        dict(state_dict=model.state_dict(), meta={}, mmhsi=dict(scene_name='indian-pines', transforms=state)),
        folder / 'weights.pth',
    )
    return folder / 'weights.pth'


def predict(scene: Path, config: Path, weights: Path, out: Path, memory: str) -> tuple[float, float, float]:
    """Seconds, seconds of CPU time and peak memory (MiB) of tools/predict.py."""
    start, before, peak = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN), 0
    process = subprocess.Popen(
        [
            sys.executable,
            str(ROOT / 'tools/predict.py'),
            str(scene),
            '-c',
            str(config),
            '-w',
            str(weights),
            '-o',
            str(out),
            '--memory',
            memory,
            '--device',
            'cpu',
            '--quiet',
        ]
    )
    while process.poll() is None:
        # the peak reported by getrusage is at least that of the parent process
        status = Path(f'/proc/{process.pid}/status').read_text()
        peak = max(peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith('VmHWM')), 0)
        time.sleep(0.1)
    if process.returncode:
        raise RuntimeError(f'tools/predict.py ended with status {process.returncode}')
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = usage.ru_utime + usage.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cpu, peak / 1024


def check(scene: Path, product: Path, config: Path, weights: Path) -> None:
    """Open the product with rasterio and compare a part with a prediction of this part alone.

    Raises:
        AssertionError: If something differs.
    """
    with rasterio.open(scene) as source, rasterio.open(product) as result:
        assert (result.height, result.width) == (source.height, source.width)
        assert result.crs == source.crs and result.transform == source.transform
        assert result.nodata == 0 and len(result.colormap(1)) >= 17
        classes = result.read(1)
        side = min(512, source.height, source.width)
        part = source.read(window=Window(source.width - side, source.height - side, side, side))
    corner = classes[:CORNER, :CORNER]
    assert (corner == 0).all() and np.count_nonzero(classes == 0) == corner.size
    inferencer = HSIInferencer(str(config), str(weights), 'cpu', show_progress=False)
    (alone,) = inferencer(part.transpose(1, 2, 0))['predictions']
    # tiles lie elsewhere in the part, and the network sees where in a tile a pixel lies; windows are the same
    inner = slice(side // 2, None)
    same = (alone['classes'] == classes[-side:, -side:] - 1)[inner, inner].mean()
    print(
        f'the last {side // 2} x {side // 2} pixels, predicted with as many around: {100 * same:.2f} % have the same '
        'class'
    )
    print(
        'classes: '
        + ', '.join(f'{value}: {count}' for value, count in zip(*np.unique(classes, return_counts=True), strict=True))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--protocol', choices=tuple(CONFIGS), default='tiles')
    parser.add_argument('--side', type=int, default=5000, help='columns, and rows of the whole scene (default: 5000)')
    parser.add_argument('--rows', type=int, help='rows that are predicted (default: all)')
    parser.add_argument('--bands', type=int, default=100)
    parser.add_argument('--memory', default='1G', help='--memory of tools/predict.py (default: 1G)')
    args = parser.parse_args()
    rows = args.rows or args.side
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        scene = folder / 'scene.tif'
        start = time.perf_counter()
        generate(scene, rows, args.side, args.bands)
        size = scene.stat().st_size / 2**30
        print(
            f'scene: {rows} x {args.side} x {args.bands} int16, {size:.2f} GiB, generated in '
            f'{time.perf_counter() - start:.0f} s'
        )
        config = make_config(args.protocol, args.bands, folder)
        weights = make_weights(config, args.bands, folder)
        seconds, cpu, peak = predict(scene, config, weights, folder / 'out', args.memory)
        summary = json.loads((folder / 'out/scene_prediction.json').read_text())
        print(
            f'{args.protocol}: {seconds:.0f} s in all, {summary["seconds"]:.0f} s without imports, {cpu:.0f} s of '
            f'CPU time; peak memory {peak:.0f} MiB; batch size {summary["batch_size"]}'
        )
        if rows < args.side:
            print(
                f'extrapolated to {args.side} rows: {summary["seconds"] * args.side / rows:.0f} s, at most '
                f'{cpu * args.side / rows:.0f} s of CPU time'
            )
        check(scene, folder / 'out/scene_classes.tif', config, weights)


if __name__ == '__main__':
    main()
