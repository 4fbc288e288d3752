"""Samples a second of the training loaders of configs, with 0 to 4 workers, beside the step that they feed.

    MMHSI_DATA=data python benchmarks/bench_loaders.py CONFIG ... --workers 0 1 2 4

Each loader runs alone for --seconds after its first batch; the step is timed without it, on the last batch. 'cores' is
how many cores of loading keep a step of this machine busy: the seconds of a sample in one worker over those in the
step.
"""

import argparse
import time

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

import mmhsi  # noqa: F401
from mmhsi.registry import MODELS


def samples_a_second(cfg: Config, workers: int, seconds: float) -> tuple[float, dict]:
    """Samples a second of the training loader, and its last batch."""
    loader_cfg = cfg.train_dataloader.copy()
    loader_cfg.update(num_workers=workers, persistent_workers=workers > 0)
    loader = Runner.build_dataloader(loader_cfg, seed=0)
    batch, count, start = None, 0, None
    while start is None or time.perf_counter() - start < seconds:
        for batch in loader:
            if start is None:  # the scene is prepared, the workers have started
                start = time.perf_counter()
                continue
            count += len(batch['inputs'])
            if time.perf_counter() - start >= seconds:
                break
    return count / (time.perf_counter() - start), batch


def step_seconds(cfg: Config, batch: dict, repeats: int = 3) -> float:
    """Seconds of a sample in a training step."""
    model = MODELS.build(cfg.model).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        data = model.data_preprocessor(batch, True)
        losses = model(**data, mode='loss') if isinstance(data, dict) else model(*data, mode='loss')
        total, _ = model.parse_losses(losses)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    return min(times[1:]) / len(batch['inputs'])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+')
    parser.add_argument('--workers', nargs='+', type=int, default=[0, 1, 2, 4])
    parser.add_argument('--seconds', type=float, default=5.0)
    args = parser.parse_args()
    print(f'{"config":58s} {"step/s":>8s} {"cores":>7s}  samples/s with {args.workers} workers')
    for name in args.configs:
        cfg = Config.fromfile(name)
        init_default_scope(cfg.get('default_scope', 'mmhsi'))
        rates = []
        for workers in args.workers:
            rate, batch = samples_a_second(cfg, workers, args.seconds)
            rates.append(rate)
        step = step_seconds(cfg, batch)
        label = name.rsplit('/', 1)[-1]
        listed = '  '.join(f'{rate:.0f}' for rate in rates)
        print(f'{label:58s} {1 / step:8.1f} {1 / rates[0] / step:7.3f}  {listed}', flush=True)


if __name__ == '__main__':
    main()
