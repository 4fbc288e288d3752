"""Time and memory of sparse sampling attention, forward and backward, against number of tokens.

Compares, in one run and in turn, the reference's formulation (two samplings of channel-first copies), full attention
(scaled_dot_product_attention) and the back ends of mmhsi.ops.sparse_sampling_attention. Times are medians over rounds
in each of which every variant runs once; the ratio is the median over rounds of the reference's time by the variant's.
On the CPU the time is that of the process (all threads together) divided by the number of threads, unless --wall is
given: this is less sensitive to other processes. Memory is the peak growth of a separate process, less the results:
output and gradients.

    python benchmarks/bench_ssa.py --sides 8 16 32 64 128 --threads 1 2 --plot ssa.png
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import torch
import torch.nn.functional as F
from ssa_reference import attend_by_two_samplings
from torch import Tensor

from mmhsi.ops import BACKENDS, sparse_sampling_attention

HEADS, DIMS, POINTS = 12, 64, 8
BATCHES = {8: 8, 16: 8, 32: 2, 64: 1, 128: 1}
# these keep N x N numbers per head: at most this many tokens
LARGEST = {'dense': 1024, 'separable': 1024, 'full': 4096}
VARIANTS = ('reference', 'full', 'torch', 'dense', 'separable', 'fused', 'fused bfloat16', 'triton')


def full_attention(
    query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, spatial_shape: tuple[int, int], scale: float
) -> Tensor:
    return F.scaled_dot_product_attention(query, key, value, scale=scale)


def function_of(variant: str) -> Callable[..., Tensor]:
    if variant == 'reference':
        return attend_by_two_samplings
    if variant == 'full':
        return full_attention
    return partial(sparse_sampling_attention, backend=variant.split()[0])


def random_inputs(side: int, batch: int, spread: float, dtype: torch.dtype, device: str) -> tuple[Tensor, ...]:
    """Query, key, value, offsets and the gradient of the result, laid out as the projections of the layer give them."""
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(batch, side * side, HEADS, DIMS, generator=generator) for _ in range(4)]
    offsets = spread * torch.randn(batch, side * side, HEADS, POINTS, 2, generator=generator)
    query, key, value, grad, offsets = (
        t.to(device, dtype).transpose(1, 2).requires_grad_() for t in (*tensors, offsets)
    )
    return query, key, value, offsets, grad.detach()


def step(variant: str, inputs: tuple[Tensor, ...], side: int, backward: bool) -> None:
    *tensors, grad = inputs
    with torch.set_grad_enabled(backward):
        out = function_of(variant)(*tensors, (side, side), scale=DIMS**-0.5)
    if backward:
        wanted = tensors[:3] if variant == 'full' else tensors
        torch.autograd.grad(out, wanted, grad)
    if grad.is_cuda:
        torch.cuda.synchronize()


def resident(field: str) -> int:
    """Bytes of resident memory, now (VmRSS) or at most (VmHWM)."""
    with open('/proc/self/status', encoding='ascii') as file:
        line = next(line for line in file if line.startswith(field))
    return int(line.split()[1]) * 1024


def measure_memory(sender, variant: str, inputs: tuple[Tensor, ...], side: int) -> None:
    torch.set_num_threads(1)
    small = 2  # libraries loaded at the first call are not counted
    step(variant, random_inputs(small, 1, 1.0, inputs[0].dtype, 'cpu'), small, backward=True)
    with open('/proc/self/clear_refs', 'w', encoding='ascii') as file:
        file.write('5')
    before = resident('VmRSS')
    step(variant, inputs, side, backward=True)
    sender.send(resident('VmHWM') - before)


def peak_memory(variant: str, inputs: tuple[Tensor, ...], side: int) -> float:
    """MiB that forward and backward pass add beyond their results: the output and the gradients of the inputs."""
    tensors = inputs[:3] if variant == 'full' else inputs[:4]
    results = (inputs[2].nbytes + sum(t.nbytes for t in tensors)) / 2**20
    if inputs[0].is_cuda:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step(variant, inputs, side, backward=True)
        return (torch.cuda.max_memory_allocated() - before) / 2**20 - results
    context = multiprocessing.get_context('fork')  # before any thread has worked
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=measure_memory, args=(sender, variant, inputs, side))
    process.start()
    sender.close()
    grown = receiver.recv()
    process.join()
    return grown / 2**20 - results


def seconds(variant: str, inputs: tuple[Tensor, ...], side: int, backward: bool, threads: int, wall: bool) -> float:
    clock = time.perf_counter if wall or inputs[0].is_cuda else time.process_time
    start = clock()
    step(variant, inputs, side, backward)
    return (clock() - start) / (1 if clock is time.perf_counter else threads)


def variants_for(side: int, wanted: list[str], device: str) -> list[str]:
    return [
        v
        for v in wanted
        if side * side <= LARGEST.get(v, side * side)
        and (v != 'triton' or device == 'cuda')
        and (not v.startswith('fused') or device == 'cpu')
    ]


def plot(rows: list[dict], path: str) -> None:
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(6, 4))
    for variant in dict.fromkeys(row['variant'] for row in rows):
        chosen = [row for row in rows if row['variant'] == variant]
        axis.loglog(
            [row['tokens'] for row in chosen],
            [row['both'] * 1e3 / row['images'] for row in chosen],
            marker='o',
            label=variant,
        )
    axis.set(xlabel='tokens', ylabel='ms per image, forward + backward')
    axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--sides', nargs='+', type=int, default=[8, 16, 32, 64, 128])
    parser.add_argument('--variants', nargs='+', default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument('--threads', nargs='+', type=int, default=[1])
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--spread', type=float, default=2.0, help='standard deviation of the offsets in tokens')
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    parser.add_argument('--wall', action='store_true', help='elapsed time on the CPU too')
    parser.add_argument('--plot', help='file for a figure of time against tokens')
    args = parser.parse_args()
    sparse_sampling_attention(*(torch.zeros(1, 1, 1, 1) for _ in range(3)), torch.zeros(1, 1, 1, 1, 2), (1, 1))
    inputs, memory = {}, {}
    for side in args.sides:
        for variant in variants_for(side, args.variants, args.device):
            dtype = torch.bfloat16 if 'bfloat16' in variant else torch.float32
            inputs[side, variant] = random_inputs(side, BATCHES.get(side, 1), args.spread, dtype, args.device)
            memory[side, variant] = peak_memory(variant, inputs[side, variant], side)
    assert set(BACKENDS) <= {v.split()[0] for v in VARIANTS}, 'a back end is not compared'
    for threads in args.threads:
        torch.set_num_threads(threads)
        rows = []
        print(
            f'threads {threads}, offsets of {args.spread} tokens\n{"tokens":>7}{"images":>7}  {"variant":16}'
            f'{"forward ms":>11}{"both ms":>10}{"faster":>8}{"MiB":>8}{"of ref.":>8}'
        )
        for side in args.sides:
            variants = variants_for(side, args.variants, args.device)
            times: dict[tuple[str, bool], list[float]] = {(v, b): [] for v in variants for b in (False, True)}
            for turn in range(args.rounds + 1):
                for (variant, backward), taken in times.items():
                    duration = seconds(variant, inputs[side, variant], side, backward, threads, args.wall)
                    if turn:  # the first round warms up
                        taken.append(duration)
            for variant in variants:
                forward, both = median(times[variant, False]), median(times[variant, True])
                first = variants[0]
                faster = median(a / b for a, b in zip(times[first, True], times[variant, True], strict=True))
                share = memory[side, variant] / memory[side, first]
                rows.append(dict(tokens=side * side, images=BATCHES.get(side, 1), variant=variant, both=both))
                print(
                    f'{side * side:7}{BATCHES.get(side, 1):7}  {variant:16}{forward * 1e3:11.2f}{both * 1e3:10.2f}'
                    f'{faster:8.2f}{memory[side, variant]:8.1f}{share:8.3f}',
                    flush=True,
                )
        if args.plot and threads == args.threads[-1]:
            plot(rows, args.plot)


if __name__ == '__main__':
    main()
