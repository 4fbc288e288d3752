"""Needs of pre-training a huge encoder on 8, 64 and 256 GPUs: memory, bytes moved, time, samples, checkpoints.

    python benchmarks/shared_network_plan.py configs/pretrain/spat-mae_huge_hyperglobal_fsdp.py
    python benchmarks/shared_network_plan.py CONFIG --gpus 8 64 256 --write

Counted, on the meta device: parameters, operations of a training step with its recomputations, bytes that autograd
keeps. Measured here, with ``--write``: how fast one process writes its part of a checkpoint, flushes and reads it back.
Assumed: the constants of the machine below. The rest is computed from these.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch
from mmengine.config import Config
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmhsi.engine.strategies import FullyShardedStrategy
from mmhsi.registry import MODELS
from mmhsi.weights.sharded_checkpoint import write_shards

# Assumptions: NVIDIA H200 in nodes of eight, with an adapter of 400 Gbit/s for each GPU.
PEAK = 989e12  # FLOP/s in bfloat16, dense, as the maker states
UTILISATION = 0.4  # share of it that large transformers reach
NVLINK = 0.8 * 450e9  # byte/s and direction of a GPU within its node
NETWORK = 0.8 * 8 * 50e9  # byte/s and direction of a node
GPUS_OF_A_NODE = 8
STORAGE = 2e9  # byte/s that a node writes to a parallel file system
MEMORY = 141e9  # bytes of a GPU


def kept_bytes(run) -> int:
    """Bytes that autograd keeps of a forward pass, parameters left out."""
    storages: dict[int, int] = {}

    def keep(tensor):
        if not isinstance(tensor, nn.Parameter) and not tensor.is_leaf:
            storages[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes()
            held.append(tensor)
        return tensor

    held: list[torch.Tensor] = []  # so that no storage takes the place of another
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = run()
    del result
    return sum(storages.values())


def count(config: str, batch: int = 2) -> dict:
    """Parameters, operations and kept bytes of a config, by tile."""
    cfg = Config.fromfile(config)
    with torch.device('meta'):
        model = MODELS.build(cfg.model).train()
        size = cfg.get('tile_size', 64)
        images = torch.rand(batch, cfg.num_bands, size, size)
        units = [unit for unit in model.modules() if type(unit).__name__ in FullyShardedStrategy.UNITS]
        with FlopCounterMode(display=False) as counter:
            model.loss(images)['loss'].backward()
        kept = kept_bytes(lambda: model.loss(images)['loss'])
        block = units[0].bfloat16()
        tokens = int(model.backbone.pos_embed.shape[1] * (1 - model.backbone.mask_ratio))
        x = torch.rand(batch, tokens, model.backbone.embed_dims, dtype=torch.bfloat16).requires_grad_()
        inside = kept_bytes(lambda: block(x * 1, model.backbone.grid))
    sizes = [sum(p.numel() for p in unit.parameters()) for unit in units]
    total = sum(p.numel() for p in model.parameters())
    return dict(
        parameters=total,
        units=len(units),
        unit=max(sizes),
        rest=total - sum(sizes),
        flops=counter.get_total_flops() / batch,
        kept=kept / batch,
        inside=inside / batch,
        input=4 * images[0].numel(),
        update=cfg.auto_scale_lr.base_batch_size,
    )


def reckon(counted: dict, gpus: int) -> dict[str, float]:
    """The row of a number of GPUs; sizes in bytes, times in seconds."""
    tiles = counted['update'] / gpus
    share, rest, unit = 1 - 1 / gpus, counted['rest'], counted['unit']
    in_units = counted['parameters'] - rest
    state = 16 * counted['parameters'] / gpus
    gathered = 8 * rest + 4 * unit + 6 * unit  # all of the rest and its gradient; two units; a unit's gradient, twice
    activations = tiles * (counted['kept'] + counted['inside'] + counted['input'])
    moved = share * (2 * 2 * in_units + 4 * rest + 4 * counted['parameters'])
    nodes = max(1, gpus // GPUS_OF_A_NODE)
    compute = tiles * counted['flops'] / (PEAK * UTILISATION)
    transfer = moved / NVLINK if nodes == 1 else max(moved / NVLINK, moved * (1 - 1 / nodes) / share / NETWORK)
    checkpoint = 12 * counted['parameters']
    return dict(
        gpus=gpus,
        tiles=tiles,
        state=state,
        gathered=gathered,
        activations=activations,
        memory=state + gathered + activations,
        moved=moved,
        compute=compute,
        transfer=transfer,
        slowest=compute + transfer,
        samples=counted['update'] / max(compute, transfer) / nodes,
        checkpoint=checkpoint,
        part=checkpoint / gpus,
        saving=checkpoint / nodes / STORAGE,
    )


def write_rate(gigabytes: float) -> float:
    """Bytes per second at which one process writes, flushes and reads back its part of a checkpoint."""
    tensors = {f'model.{number}': torch.rand(1 << 24) for number in range(round(gigabytes * 16))}
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        write_shards(tensors, {}, Path(folder) / 'part')
        return sum(tensor.nbytes for tensor in tensors.values()) / (time.perf_counter() - start)


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--gpus', nargs='+', type=int, default=[8, 64, 256])
    parser.add_argument('--write', action='store_true', help='measure how fast a part of a checkpoint is written')
    return parser.parse_args(argv)


def main() -> None:
    args = parse_args()
    counted = count(args.config)
    print(
        f'{counted["parameters"] / 1e6:.1f} M parameters: {counted["units"]} units of up to '
        f'{counted["unit"] / 1e6:.2f} M, {counted["rest"] / 1e6:.2f} M outside\n'
        f'{counted["flops"] / 1e9:.1f} GFLOP a tile and step; autograd keeps {counted["kept"] / 1e6:.2f} MB a tile, '
        f'and {counted["inside"] / 1e6:.2f} MB inside the block that is recomputed\n'
    )
    rows = [reckon(counted, gpus) for gpus in args.gpus]
    lines = [
        ('GPUs', 'gpus', 1, '{:.0f}'),
        ('tiles a GPU and step', 'tiles', 1, '{:.0f}'),
        ('parameters, gradients, AdamW (GB a GPU)', 'state', 1e9, '{:.2f}'),
        ('gathered units and their gradients (GB)', 'gathered', 1e9, '{:.2f}'),
        ('activations and tiles (GB)', 'activations', 1e9, '{:.2f}'),
        (f'memory, together (GB, of {MEMORY / 1e9:.0f})', 'memory', 1e9, '{:.1f}'),
        ('moved to a GPU in a step (GB)', 'moved', 1e9, '{:.2f}'),
        ('products (ms)', 'compute', 1e-3, '{:.1f}'),
        ('transfers (ms)', 'transfer', 1e-3, '{:.1f}'),
        ('step without any overlap (ms)', 'slowest', 1e-3, '{:.1f}'),
        ('tiles a second that the loaders of a node must give', 'samples', 1, '{:.0f}'),
        ('checkpoint (GB)', 'checkpoint', 1e9, '{:.2f}'),
        ('a process writes (GB)', 'part', 1e9, '{:.3f}'),
        ('time to save (s)', 'saving', 1, '{:.1f}'),
    ]
    for number, (name, key, unit, form) in enumerate(lines):
        print('| ' + ' | '.join([name, *(form.format(row[key] / unit) for row in rows)]) + ' |')
        if number == 0:
            print('| --- |' + ' --- |' * len(rows))
    if args.write:
        print(f'\none process writes, flushes and reads back {write_rate(1) / 1e9:.2f} GB/s')


if __name__ == '__main__':
    main()
