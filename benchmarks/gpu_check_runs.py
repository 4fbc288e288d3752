"""The parts of gpu_check.py that run whole configs: tasks, pre-training, sharded encoders, prediction."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from scipy.io import savemat

from mmhsi.apis import HSIInferencer, time_network

ROOT = Path(__file__).resolve().parents[1]
# A config of each family, and the look-alikes of its data
FAMILIES = {
    'classification/hypersigma-base_cls_indian-pines': 'indian_pines',
    'classification/hypersigma-base_seg_indian-pines': 'indian_pines',
    'target_detection/hypersigma-base_mosaic': 'mosaic',
    'anomaly_detection/hypersigma-base_pavia': 'pavia',
    'change_detection/hypersigma-base_hermiston': 'hermiston',
    'unmixing/hypersigma-base_urban': 'urban',
    'denoising/hypersigma-base_wdc_gaussian': 'wdc',
    'super_resolution/hypersigma-base_houston_x4': 'houston_x4',
    'multispectral_change_detection/hypersigma-base_oscd': 'oscd',
}


def tasks(check) -> None:
    """Training, validation and test of each family, with narrow encoders and whole runners."""
    sys.path.append(str(ROOT / 'tests'))
    from config_runs import look_alikes, quick, train_and_test

    with tempfile.TemporaryDirectory() as folder:
        families = dict(list(FAMILIES.items())[:1]) if check.small else FAMILIES
        os.environ['MMHSI_DATA'] = str(look_alikes(Path(folder) / 'data', sorted(set(families.values()))))
        for name in families:
            start = time.perf_counter()
            results = train_and_test(quick(ROOT / f'configs/{name}.py', Path(folder) / 'run' / name))
            files = sum(path.is_file() for path in results.rglob('*'))
            check.row('tasks', config=name, seconds=time.perf_counter() - start, result_files=files)
            check.want(f'{name} trains and tests', 'result files', float(files), files > 0)


def pretraining(check) -> None:
    """Ten steps of masked pre-training in bfloat16."""
    name, batch = ('spat-mae_tiny_indian-pines', 2) if check.small else ('spat-mae_base_hyperglobal_bf16', 256)
    cfg = Config.fromfile(ROOT / f'configs/pretrain/{name}.py')
    cfg.optim_wrapper = dict(cfg.optim_wrapper, type='BF16OptimWrapper')
    found = time_network(
        cfg, batch_size=batch, mode='training', device=check.device, warmup=1 if check.small else 3, repeats=10
    )
    check.row(
        'pretraining',
        config=name,
        tiles=batch,
        step_ms=1e3 * found['latency'],
        tiles_per_second=found['throughput'],
        MiB=found['peak_memory'] / 2**20,
    )


def sharded(check) -> None:
    """Ten steps of a large sharded encoder (here in one process), started by torchrun."""
    config = 'configs/pretrain/spat-mae_large_hyperglobal_fsdp.py'
    with tempfile.TemporaryDirectory() as folder:
        tiles = Path(folder) / 'hyperglobal'
        tiles.mkdir()
        rng = np.random.default_rng(0)
        for number in range(8):
            savemat(tiles / f'{number}.mat', {'img': rng.integers(1, 4000, (110, 64, 64)).astype(np.int16)})
        cfg = Config.fromfile(ROOT / config)
        if check.small:
            cfg.model.backbone.arch = 'tiny'
            cfg.model.neck.update(embed_dims=64, num_layers=1, num_heads=4)
        cfg.train_dataloader.update(batch_size=4, num_workers=0)
        cfg.train_dataloader.dataset.data_root = str(tiles)
        cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=1 if check.small else 10)
        cfg.param_scheduler = []
        cfg.default_hooks.checkpoint.update(by_epoch=False, interval=10)
        cfg.default_hooks.logger.interval = 1
        cfg.dump(Path(folder) / 'fsdp.py')
        command = [
            sys.executable,
            '-m',
            'torch.distributed.run',
            '--standalone',
            '--nproc_per_node=1',
            str(ROOT / 'tools/train.py'),
            str(Path(folder) / 'fsdp.py'),
            '--launcher',
            'pytorch',
            '--work-dir',
            str(Path(folder) / 'run'),
        ]
        start = time.perf_counter()
        result = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=ROOT)
        errors = [line.strip() for line in (result.stdout + result.stderr).splitlines() if 'Error: ' in line]
        missing = None if result.returncode == 0 else (errors or ['it ended without a message'])[0]
        logged = [json.loads(line) for path in Path(folder).glob('run/*/vis_data/scalars.json') for line in path.open()]
        steps = [entry for entry in logged if 'loss' in entry]
        check.row(
            'fsdp',
            config=config,
            tiles=cfg.train_dataloader.batch_size,
            seconds=time.perf_counter() - start,
            last_step_ms=1e3 * steps[-1]['time'] if steps else None,
            MiB=steps[-1].get('memory') if steps else None,
            loss=steps[-1]['loss'] if steps else None,
            missing=missing,
        )
        check.want('fsdp trains', '1', float(missing is None), missing is None)


def scene(check) -> None:
    """Prediction of scenes by tiles and by windows; a part of them on the CPU too."""
    for name, side in (('hypersigma-tiny_seg_indian-pines', 2048), ('hypersigma-tiny_cls_indian-pines', 192)):
        side, piece = (48, 24) if check.small else (side, 64)
        cfg = Config.fromfile(ROOT / f'configs/classification/{name}.py')
        dataset = cfg.test_dataloader.dataset
        dataset.scene.update(preprocessing=[dict(type='ScaleValues', factor=1e-4)])
        bands = cfg.model.data_preprocessor.num_bands = cfg.model.backbone.spatial.in_channels = dataset.scene.num_bands
        cube = np.random.default_rng(0).integers(0, 10_000, (side, side, bands), dtype=np.int16)
        torch.manual_seed(0)
        inferencer = HSIInferencer(cfg, device=str(check.device), show_progress=False)
        if not check.small:
            torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        found = inferencer(cube)['predictions'][0]['classes']
        seconds = time.perf_counter() - start
        memory = None if check.small else torch.cuda.max_memory_allocated() / 2**20
        part = cube[:piece, :piece]
        alone = inferencer(part)['predictions'][0]['classes']
        inferencer.model.cpu()
        on_cpu = inferencer(part)['predictions'][0]['classes']
        agreement = float((alone == on_cpu).mean())
        check.row(
            'scene',
            config=name,
            pixels=f'{side} x {side}',
            bands=bands,
            seconds=seconds,
            pixels_per_second=found.size / seconds,
            MiB=memory,
            same_as_on_the_CPU=agreement,
        )
        check.want(f'{name}: classes as on the CPU', '>= 0.999', agreement, agreement >= 0.999)
