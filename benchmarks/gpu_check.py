"""All checks that need a GPU, in one script of less than eight minutes: results, speed, and that everything runs.

    python benchmarks/gpu_check.py --out gpu_check.json
    python benchmarks/gpu_check.py --parts accuracy attention

Parts: `accuracy`, sparse sampling attention against float64; `attention`, its time and memory against the reference's
formulation, flash attention and the bytes that must move; `networks`, steps of whole networks in float32, with tf32
products, in bfloat16, and compiled; `tasks`, two iterations and a test of a config of each task family; `pretraining`,
ten steps in bfloat16; `fsdp`, ten steps of a large sharded encoder; `scene`, prediction of scenes, and the
share of pixels that get the class they get on the CPU. The last table holds targets and results. A part that
fails is reported and does not stop the others. On a CPU everything is small, to check that it runs; its times have no
meaning.
"""

import argparse
import json
import logging
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from gpu_check_runs import pretraining, scene, sharded, tasks
from ssa_floor import BANDWIDTH, BATCHES, count
from ssa_reference import attend_by_two_samplings
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from mmhsi.ops import BACKENDS, sparse_sampling_attention

HEADS, DIMS, POINTS = 12, 64, 8
DTYPES = {'float32': torch.float32, 'bfloat16': torch.bfloat16, 'float16': torch.float16}
_NOT_COMPILED = ('SpatViT-L, 32 x 32 tokens', 'a tile of 128')  # a minute or two each
BOUNDS = {'float32': 1e-5, 'bfloat16': 2e-2, 'float16': 3e-3}  # of the largest value


class Check:
    """The device, the size of everything, and the tables so far."""

    def __init__(self, device: torch.device, bandwidth: float) -> None:
        self.device, self.bandwidth = device, bandwidth
        self.small = device.type == 'cpu'
        self.tables: dict[str, list[dict]] = {}
        self.wanted: list[dict] = []

    def row(self, table: str, **values) -> None:
        """Keep a row of a table and print it."""
        rows = self.tables.setdefault(table, [])
        if not rows:
            print(f'\n{table}\n\n| {" | ".join(values)} |\n{"| --- " * len(values)}|')
        rows.append(values)
        print(f'| {" | ".join(_text(value) for value in values.values())} |', flush=True)

    def want(self, what: str, wanted: str, found: float, met: bool) -> None:
        """Keep a target, for the last table."""
        self.wanted.append(dict(what=what, wanted=wanted, found=found, met=met))

    def seconds(self, run: Callable[[], object], rounds: int = 10, warmup: int = 3) -> float:
        """Median time of a run; on a GPU that of the device."""
        if self.small:
            rounds = warmup = 1
        for _ in range(warmup):
            run()
        if self.small:
            start = time.perf_counter()
            run()
            return time.perf_counter() - start
        taken = []
        for _ in range(rounds):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            run()
            end.record()
            end.synchronize()
            taken.append(begin.elapsed_time(end) / 1e3)
        return median(taken)

    def peak(self, run: Callable[[], object]) -> float | None:
        """Peak memory of a run in MiB beyond what is already allocated; None on a CPU."""
        if self.small:
            run()
            return None
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        torch.cuda.synchronize()
        return (torch.cuda.max_memory_allocated() - before) / 2**20


def _text(value: object) -> str:
    if value is None:
        return ''
    return f'{value:.4g}' if isinstance(value, float) else str(value)


def inputs(
    batch: int,
    heads: int,
    side: tuple[int, int],
    dims: int,
    points: int,
    spread: float,
    dtype: torch.dtype,
    device: torch.device,
) -> list[Tensor]:
    """Query, key, value, offsets and the gradient of the result, laid out as the projections of the layer give them."""
    generator = torch.Generator().manual_seed(0)
    tokens = side[0] * side[1]
    query, key, value, grad = (torch.randn(batch, tokens, heads, dims, generator=generator) for _ in range(4))
    offsets = spread * torch.randn(batch, tokens, heads, points, 2, generator=generator)
    return [tensor.to(device, dtype).transpose(1, 2) for tensor in (query, key, value, offsets, grad)]


def gradients(attend: Callable[..., Tensor], tensors: list[Tensor], **options) -> list[Tensor]:
    """The result, and the gradients of query, key, value and, where they count, offsets."""
    *tensors, grad = tensors
    tensors = [tensor.detach().requires_grad_() for tensor in tensors]
    out = attend(*tensors, **options)
    found = torch.autograd.grad(out, tensors, grad.to(out.dtype), allow_unused=True)
    return [out.detach(), *(gradient for gradient in found if gradient is not None)]


def accuracy(check: Check) -> None:
    """The automatic back end against the dense form in float64, of the same rounded numbers."""
    cases = [((8, 8), 64, 8, 2.0), ((7, 9), 15, 3, 3.0), ((20, 20), 80, 8, 0.0), ((19, 5), 106, 4, 20.0)]
    for side, dims, points, spread in cases[:2] if check.small else cases:
        for name, dtype in DTYPES.items():
            tensors = inputs(2, 3, side, dims, points, spread, dtype, check.device)
            found = gradients(sparse_sampling_attention, tensors, spatial_shape=side)
            exact = gradients(
                sparse_sampling_attention, [t.double() for t in tensors], spatial_shape=side, backend='dense'
            )
            errors = [
                float((a.double() - b).abs().max() / b.abs().max().clamp_min(1e-30))
                for a, b in zip(found, exact, strict=True)
            ]
            check.row(
                'accuracy: largest error by the largest value',
                grid=f'{side[0]} x {side[1]}',
                width=dims,
                points=points,
                spread=spread,
                type=name,
                **dict(zip(('result', 'query', 'key', 'value', 'offsets'), errors, strict=True)),
            )
            check.want(
                f'error, {side[0]} x {side[1]}, width {dims}, {name}',
                f'< {BOUNDS[name]}',
                max(errors),
                max(errors) < BOUNDS[name],
            )
    again = [gradients(sparse_sampling_attention, tensors, spatial_shape=side) for _ in range(2)]
    same = all(map(torch.equal, *again))
    check.want('two runs agree to the bit', '1', float(same), same)


def full_attention(
    query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, spatial_shape: tuple[int, int], scale: float
) -> Tensor:
    """Attention to all tokens; flash attention where the device has it for the type."""
    if query.is_cuda and query.dtype != torch.float32:
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            return scaled_dot_product_attention(query, key, value, scale=scale)
    return scaled_dot_product_attention(query, key, value, scale=scale)


def attention(check: Check) -> None:
    """Times of one layer's attention, forward and with the backward pass."""
    forms = {'reference': attend_by_two_samplings, 'full': full_attention, 'ours': sparse_sampling_attention}
    for side in (8,) if check.small else BATCHES:
        for name in ('float32', 'bfloat16'):
            tensors = inputs(BATCHES[side], HEADS, (side, side), DIMS, POINTS, 2.0, DTYPES[name], check.device)
            options = dict(spatial_shape=(side, side), scale=DIMS**-0.5)
            counts = [count(BATCHES[side], side, DTYPES[name].itemsize, backward) for backward in (False, True)]
            floors = counts[0].floor / check.bandwidth, sum(c.floor for c in counts) / check.bandwidth
            both = {}
            for form, attend in forms.items():

                def forward(attend=attend, tensors=tensors, options=options):
                    with torch.no_grad():
                        attend(*tensors[:4], **options)

                def step(attend=attend, tensors=tensors, options=options):
                    gradients(attend, tensors, **options)

                memory = check.peak(step)
                alone, both[form] = check.seconds(forward), check.seconds(step)
                sparse = form == 'ours'
                check.row(
                    'attention',
                    tokens=f'{side} x {side}',
                    images=BATCHES[side],
                    type=name,
                    form=form,
                    forward_ms=1e3 * alone,
                    both_ms=1e3 * both[form],
                    MiB=memory,
                    faster=both['reference'] / both[form],
                    **{
                        'of the floor, forward': floors[0] / alone if sparse else None,
                        'of the floor, both': floors[1] / both[form] if sparse else None,
                    },
                )
            if name == 'bfloat16':
                ratio, against_full = both['reference'] / both['ours'], both['full'] / both['ours']
                check.want(f'attention, {side} x {side}: faster than the reference', '>= 10', ratio, ratio >= 10)
                if side >= 32:
                    check.want(
                        f'attention, {side} x {side}: faster than flash', '>= 1', against_full, against_full >= 1
                    )
                share = floors[1] / both['ours']
                check.want(f'attention, {side} x {side}: of the bandwidth floor', '>= 0.5', share, share >= 0.5)


def networks(check: Check) -> None:
    """Training steps of whole networks, with their optimiser, by precision."""
    import bench_ssa_networks as steps_of

    BACKENDS['reference'] = attend_by_two_samplings
    cases: dict[str, Callable[[], steps_of.Steps]] = {
        'SpatViT-B, 32 x 32 tokens': lambda: steps_of.spatvit(2, None, batch=16),
        'SpatViT-L, 32 x 32 tokens': lambda: steps_of.spatvit(2, None, 'large', batch=8),
        'HyperSIGMA-B, windows of 33': lambda: steps_of.hypersigma('window', None, batch=64),
        'HyperSIGMA-B, a tile of 128': lambda: steps_of.hypersigma('tile', None, batch=4),
    }
    if check.small:
        cases = {'SpatViT-T, 8 x 8 tokens': lambda: steps_of.spatvit(8, None, 'tiny')}
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    for case, build in cases.items():
        found = {}
        for precision in ('float32', 'tf32', 'reference bfloat16', 'bfloat16', 'bfloat16 compiled'):
            if precision.endswith('compiled') and case.endswith(_NOT_COMPILED):
                continue
            torch.set_float32_matmul_precision('highest' if precision == 'float32' else 'high')
            torch.backends.cudnn.allow_tf32 = precision != 'float32'
            steps = build().to(check.device)
            if precision.endswith('compiled'):
                steps.forward = torch.compile(steps.network, backend='aot_eager' if check.small else 'inductor')
            variant = ' '.join(
                (
                    'reference' if 'reference' in precision else 'auto',
                    'bfloat16' if 'bfloat16' in precision else 'float32',
                )
            )

            def step(steps=steps, variant=variant):
                steps.run(variant, 'step')

            memory = check.peak(step)
            found[precision] = check.seconds(step, rounds=5)
            check.row(
                'networks',
                network=case,
                images=len(steps.inputs),
                precision=precision,
                step_ms=1e3 * found[precision],
                images_per_second=len(steps.inputs) / found[precision],
                MiB=memory,
            )
            del steps, step
        ratio = found['reference bfloat16'] / min(found['bfloat16'], found.get('bfloat16 compiled', found['bfloat16']))
        check.want(f"{case}: step in bfloat16, faster than with the reference's attention", '>= 5', ratio, ratio >= 5)
    torch.set_float32_matmul_precision(before[0])
    torch.backends.cudnn.allow_tf32 = before[1]
    del BACKENDS['reference']


PARTS: dict[str, Callable[[Check], None]] = dict(
    accuracy=accuracy,
    attention=attention,
    networks=networks,
    tasks=tasks,
    pretraining=pretraining,
    fsdp=sharded,
    scene=scene,
)


def main(argv: list[str] | None = None) -> Check:
    """Run the parts and print their tables; returns the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--parts', nargs='+', choices=list(PARTS), default=list(PARTS))
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu', choices=['cuda', 'cpu'])
    parser.add_argument(
        '--bandwidth',
        type=float,
        default=BANDWIDTH / 1e12,
        help='bandwidth of the GPU memory in TB/s (default: 4.8, an H200)',
    )
    parser.add_argument('--out', help='JSON file of all tables')
    args = parser.parse_args(argv)
    quiet = logging.root.manager.disable
    logging.disable(logging.INFO)
    check = Check(torch.device(args.device), 1e12 * args.bandwidth)
    name = torch.cuda.get_device_name() if args.device == 'cuda' else 'CPU, everything small'
    print(f'{name}; torch {torch.__version__}, Python {sys.version.split()[0]}')
    begin = time.perf_counter()
    for part in args.parts:
        start = time.perf_counter()
        try:
            PARTS[part](check)
            failure = None
        except Exception as error:
            traceback.print_exc()
            failure = f'{type(error).__name__}: {error}'.splitlines()[0]
        check.want(f'part {part} runs', '1', float(failure is None), failure is None)
        print(f'\n{part}: {time.perf_counter() - start:.0f} s{"" if failure is None else ", failed: " + failure}')
    logging.disable(quiet)
    for target in check.wanted:
        check.row('wanted and found', **target)
    print(
        f'\n{sum(not target["met"] for target in check.wanted)} of {len(check.wanted)} not met, '
        f'{time.perf_counter() - begin:.0f} s'
    )
    if args.out:
        Path(args.out).write_text(json.dumps(dict(device=name, tables=check.tables), indent=1) + '\n', encoding='utf-8')
    return check


if __name__ == '__main__':
    sys.exit(0 if all(target['met'] for target in main().wanted) else 1)
