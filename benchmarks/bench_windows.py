"""Prediction of a scene by windows: seconds, compared with another revision, and the effect of precisions and lattices.

    OMP_NUM_THREADS=2 python benchmarks/bench_windows.py --weights CHECKPOINT --against HEAD~10

The scene is Indian Pines (tensorly's copy), the config that of the demo unless --config names another by windows; the
checkpoint is from its training, see demo/indian_pines.py. Without weights, a random network is used, whose classes are
more scattered than those of any real scene. Old and new code alternate, each in its own process without the time of its
start; each figure is the best of --repeats. 'same' is the share of pixels with the class that the old
code, or else the present one in fp32, gives them.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
CONFIG = 'configs/classification/hypersigma-tiny-wide_cls_indian-pines_smoothed.py'


def stand_in(config: str, folder: Path) -> Path:
    """A checkpoint with random weights and the preprocessing fitted on the scene."""
    import torch
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from tensorly.datasets import load_indian_pines

    import mmhsi  # noqa: F401
    from mmhsi.datasets.transforms.chain import SpectralChain
    from mmhsi.registry import MODELS

    cfg = Config.fromfile(config)
    init_default_scope('mmhsi')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    cube = np.asarray(load_indian_pines().tensor).astype(np.float32)
    chain = SpectralChain(cfg.test_dataloader.dataset.scene.preprocessing)
    chain.bind(cube.shape[-1], None)
    pixels = cube.reshape(-1, cube.shape[-1])
    chain.fit(pixels)
    state = {name: torch.from_numpy(np.array(value, order='C')) for name, value in chain.state_dict().items()}
    path = folder / 'weights.pth'
    torch.save(
        dict(state_dict=model.state_dict(), meta={}, mmhsi=dict(scene_name='indian-pines', transforms=state)), path
    )
    return path


def measure(config: str | None, weights: str, out: str, options: list[dict], repeats: int, rows: int) -> list[dict]:
    """Seconds and classes, saved to ``out``, with each of the options."""
    from tensorly.datasets import load_indian_pines

    from mmhsi.apis import HSIInferencer

    cube = np.asarray(load_indian_pines().tensor).astype(np.float32)[:rows]
    inferencer = HSIInferencer(config, weights, 'cpu', show_progress=False)
    results = []
    for number, option in enumerate(options):
        seconds = []
        for _ in range(repeats):
            start = time.perf_counter()
            (found,) = inferencer(cube, trust_band_order=True, **option)['predictions']
            seconds.append(time.perf_counter() - start)
        file = f'{out}_{number}.npy'
        np.save(file, found['classes'])
        results.append(dict(seconds=min(seconds), file=file, summary=found['summary'].get('lattice')))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--config', default=CONFIG)
    parser.add_argument('--weights', help='checkpoint (default: random weights)')
    parser.add_argument('--against', help='revision of git to compare with')
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--rows', type=int, default=145, help='rows of the scene')
    parser.add_argument('--options', help=argparse.SUPPRESS)
    parser.add_argument('--out', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.options is not None:
        options = json.loads(args.options)
        print(json.dumps(measure(args.config, args.weights, args.out, options, args.repeats, args.rows)))
        return
    import tempfile

    from against import ROOT, checked_out, run_in

    choices = {
        'fp32': {},
        'bf16': dict(precision='bf16'),
        'fp16': dict(precision='fp16'),
        'lattice 2': dict(lattice=2),
        'lattice 4': dict(lattice=4),
        'bf16, lattice 2': dict(precision='bf16', lattice=2),
    }
    with tempfile.TemporaryDirectory() as folder:
        config = str((ROOT / args.config).resolve())
        weights = str(Path(args.weights or stand_in(config, Path(folder))).resolve())

        def run(root: Path, name: str, options: list[dict]) -> list[dict]:
            command = [
                '--config',
                config,
                '--weights',
                weights,
                '--repeats',
                str(args.repeats),
                '--rows',
                str(args.rows),
            ]
            text = run_in(root, __file__, *command, '--out', f'{folder}/{name}', '--options', json.dumps(options))
            return json.loads(text.splitlines()[-1])

        found = dict(zip(choices, run(ROOT, 'new', list(choices.values())), strict=True))
        if args.against is not None:
            with checked_out(args.against) as old:
                found = {f'fp32 at {args.against}': run(old, 'old', [{}])[0], **found}
        first = next(iter(found.values()))
        classes = np.load(first['file'])
        print(f'{"":24s} {"seconds":>8s} {"ratio":>6s} {"same %":>8s}  windows')
        for name, one in found.items():
            same = 100 * (np.load(one['file']) == classes).mean()
            windows = (one['summary'] or {}).get('predicted_windows', classes.size)
            print(f'{name:24s} {one["seconds"]:8.2f} {first["seconds"] / one["seconds"]:6.2f} {same:8.3f}  {windows}')


if __name__ == '__main__':
    main()
