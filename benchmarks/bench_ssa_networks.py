"""Forward pass and training step of whole networks with each back end of sparse sampling attention.

    python benchmarks/bench_ssa_networks.py spatvit --patch-sizes 8 2 1 --variants reference full fused
    python benchmarks/bench_ssa_networks.py hypersigma --protocols window tile --threads 2 --wall

`spatvit`: SpatViT-B on 64x64 pixels of 100 bands, forward and training step (forward, backward, AdamW). `hypersigma`:
training step of the HyperSIGMA-B of configs/classification (window 33, batch 4; tile 128, batch 1) against the time
that its matrix products alone need, which are counted and whose rate is measured in the same run. `reference` samples
keys and values separately, as the paper's code does; everything else is our network. `full` is the network with full
attention (scaled_dot_product_attention) in every block. Each round runs every variant once; medians, and median
ratios to the first variant, are printed. "of products": the time as a multiple of that of the matrix products of the
network with sparse attention, without the products inside full attention. Memory is the largest resident size
of a process that builds the network and makes one step. On the CPU times are processor time by thread unless --wall is
given.
"""

import argparse
import logging
import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from ssa_reference import attend_by_two_samplings
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mmhsi.models import SpatViT
from mmhsi.ops import BACKENDS
from mmhsi.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
BANDS, SIDE = 100, 64
PROTOCOLS = {
    'window': ('hypersigma-base_cls_indian-pines.py', 33, 4, 30),
    'tile': ('hypersigma-base_seg_pavia-university.py', 128, 1, None),  # config, side, batch, bands
}
VARIANTS = ('reference', 'full', 'full bfloat16', 'torch', 'dense', 'fused', 'fused bfloat16')


def is_full(variant: str) -> bool:
    return variant.startswith('full')


class Steps:
    """A network, its random inputs and its optimiser."""

    def __init__(self, network: nn.Module, inputs: Tensor, samples: list | None = None) -> None:
        self.network, self.inputs, self.samples = network.train(), inputs, samples
        self.forward = self.network
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5, fused=True)

    def to(self, device: torch.device) -> 'Steps':
        """Everything on another device, with a new optimiser."""
        samples = None if self.samples is None else [sample.to(device) for sample in self.samples]
        return Steps(self.network.to(device), self.inputs.to(device), samples)

    def loss(self) -> Tensor:
        if self.samples is None:
            return sum(f.float().square().mean() for f in self.forward(self.inputs))
        losses = self.forward(self.inputs, self.samples, mode='loss')
        return sum(value for name, value in losses.items() if 'loss' in name)

    def run(self, variant: str, mode: str) -> None:
        if not is_full(variant):
            os.environ['MMHSI_SSA_BACKEND'] = variant.split()[0]
        half = torch.autocast(self.inputs.device.type, torch.bfloat16) if 'bfloat16' in variant else nullcontext()
        with half, torch.set_grad_enabled(mode != 'forward'):
            loss = self.loss()
        if mode == 'forward':
            return
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def spatvit(patch_size: int, interval: int | None, arch: str = 'base', batch: int = 1) -> Steps:
    torch.manual_seed(0)
    network = SpatViT(arch, img_size=SIDE, patch_size=patch_size, in_channels=BANDS, full_attn_interval=interval)
    network.init_weights()
    return Steps(network, torch.randn(batch, BANDS, SIDE, SIDE))


def hypersigma(protocol: str, interval: int | None, batch: int | None = None) -> Steps:
    init_default_scope('mmhsi')
    name, side, usual, bands = PROTOCOLS[protocol]
    batch = batch or usual
    config = Config.fromfile(ROOT / 'configs' / 'classification' / name)
    torch.manual_seed(0)
    for branch in ('spatial', 'spectral'):
        config.model.backbone[branch].update(img_size=side, full_attn_interval=interval)
    network = MODELS.build(config.model)
    network.init_weights()
    inputs = torch.randn(batch, bands or config.num_bands, side, side)
    if protocol == 'window':
        from mmpretrain.structures import DataSample

        return Steps(network, inputs, [DataSample().set_gt_label(i % 16) for i in range(batch)])
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    samples = [SegDataSample(gt_sem_seg=PixelData(data=torch.randint(0, 2, (1, side, side)))) for _ in range(batch)]
    return Steps(network, inputs, samples)


def build(case: str, full: bool) -> Steps:
    BACKENDS['reference'] = attend_by_two_samplings
    kind, setting = case.split()
    interval = 1 if full else None  # that of the architecture
    return spatvit(int(setting), interval) if kind == 'patch' else hypersigma(setting, interval)


def peak_memory(case: str, variant: str) -> float:
    """MiB of a fresh process that makes one step."""
    torch.set_num_threads(1)
    build(case, is_full(variant)).run(variant, 'step')
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def matrix_rate(dtype: torch.dtype, threads: int, clock) -> float:
    """Multiplications and additions per second of a product as large as those of an MLP of the network."""
    a, b = torch.randn(1024, 768, dtype=dtype), torch.randn(768, 3072, dtype=dtype)
    taken = []
    for _ in range(12):
        start = clock()
        a @ b
        taken.append((clock() - start) / (1 if clock is time.perf_counter else threads))
    return 2 * 1024 * 768 * 3072 / median(taken[2:])


def compare(case: str, variants: list[str], modes: list[str], args: argparse.Namespace) -> None:
    clock = time.perf_counter if args.wall else time.process_time
    sparse = build(case, full=False)
    full = build(case, full=True) if any(map(is_full, variants)) else None
    steps = {variant: full if is_full(variant) else sparse for variant in variants}
    with FlopCounterMode(display=False) as counter:
        sparse.run('torch', 'step')
    flops = counter.get_total_flops()  # of sparse attention no more than its sums of P terms
    times: dict[tuple[str, str], list[float]] = {(v, m): [] for v in variants for m in modes}
    rates: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    for turn in range(args.rounds + 1):
        for dtype, found in rates.items():
            found.append(matrix_rate(dtype, torch.get_num_threads(), clock))
        for (variant, mode), taken in times.items():
            start = clock()
            steps[variant].run(variant, mode)
            duration = (clock() - start) / (1 if args.wall else torch.get_num_threads())
            if turn:  # the first round warms up
                taken.append(duration)
    del sparse, full, steps
    print(
        f'{case}, threads {torch.get_num_threads()}: {flops / 1e12:.3f} TFLOP of products in a step; float32 '
        f'{median(rates[torch.float32]) / 1e9:.0f}, bfloat16 {median(rates[torch.bfloat16]) / 1e9:.0f} GFLOP/s'
    )
    print(f'  {"variant":16}{"mode":>9}{"s":>9}{"faster":>8}{"of products":>13}{"MiB":>8}')
    for mode in modes:
        for variant in variants:
            taken = times[variant, mode]
            faster = median(a / b for a, b in zip(times[variants[0], mode], taken, strict=True))
            rate = median(rates[torch.bfloat16 if 'bfloat16' in variant else torch.float32])
            floor = f'{median(taken) * rate / flops:13.2f}' if mode == 'step' else ' ' * 13
            memory = ''
            if mode == 'step' and not args.no_memory:
                with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as pool:
                    memory = f'{pool.submit(peak_memory, case, variant).result():8.0f}'
            print(f'  {variant:16}{mode:>9}{median(taken):9.3f}{faster:8.2f}{floor}{memory}', flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('network', choices=['spatvit', 'hypersigma'])
    parser.add_argument('--patch-sizes', nargs='+', type=int, default=[8, 2, 1])
    parser.add_argument('--protocols', nargs='+', default=list(PROTOCOLS), choices=list(PROTOCOLS))
    parser.add_argument('--variants', nargs='+', default=['reference', 'fused', 'fused bfloat16'], choices=VARIANTS)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--wall', action='store_true', help='elapsed time')
    parser.add_argument('--no-memory', action='store_true', help='leave out the memory, which takes processes')
    args = parser.parse_args()
    logging.disable(logging.INFO)  # what is initialised how
    torch.set_num_threads(args.threads)
    if args.network == 'spatvit':
        for size in args.patch_sizes:
            compare(f'patch {size}', args.variants, ['forward', 'step'], args)
    else:
        for protocol in args.protocols:
            compare(f'protocol {protocol}', args.variants, ['step'], args)


if __name__ == '__main__':
    main()
