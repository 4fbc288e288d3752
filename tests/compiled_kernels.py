"""Kernels of sparse sampling attention compiled for GPUs that are not here, and what the compiler says of them.

The launches of the back end run on CPU tensors up to the point where Triton would start a kernel, so that what is
compiled is what a GPU would get: the same types, hints and constants.

    python tests/compiled_kernels.py --archs 80 90 gfx942 --widths 32 64 80 --dtypes float32 bfloat16
"""

import argparse
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import torch
import triton
from torch import Tensor
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from mmhsi.ops.ssa_triton import ssa_triton, ssa_triton_backward

ARCHS = ('75', '80', '86', '89', '90', '100', '120', 'gfx90a', 'gfx942')
WIDTHS = (8, 15, 32, 64, 80, 106, 128)
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def target_of(arch: str) -> GPUTarget:
    return GPUTarget('hip', arch, 64) if arch.startswith('gfx') else GPUTarget('cuda', int(arch), 32)


@contextmanager
def compiling_for(arch: str) -> Iterator[list[SimpleNamespace]]:
    """Compile for a GPU what would be launched, and launch nothing; gives what has been compiled, with its grid."""
    target = target_of(arch)
    launches: list[SimpleNamespace] = []

    def compile_only(kernel: JITFunction, grid):
        def launch(*args, **options):
            compiled = kernel.run(*args, grid=grid, warmup=True, **options)
            launches.append(SimpleNamespace(name=kernel.__name__, grid=grid, asm=compiled.asm, hash=compiled.hash))

        return launch

    device = SimpleNamespace(
        get_current_target=lambda: target, get_current_device=lambda: target, get_current_stream=lambda device: 0
    )
    active = driver._active
    driver.set_active(device)
    try:
        with (
            patch.object(JITFunction, '__getitem__', compile_only),
            patch.object(torch.cuda, 'device', lambda device: nullcontext()),
        ):
            yield launches
    finally:
        driver._active = active


def run_both(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, spatial_shape: tuple[int, int]) -> None:
    """Forward and backward pass; under :func:`compiling_for` the results are what was in memory."""
    out, log_sum = ssa_triton(query, key, value, offsets, *spatial_shape, 0.5)
    ssa_triton_backward(torch.empty_like(out), query, key, value, offsets, out, log_sum, *spatial_shape, 0.5)


def compile_both(
    arch: str,
    width: int,
    dtype: torch.dtype,
    offsets_dtype: torch.dtype | None = None,
    aligned: bool = True,
    points: int = 8,
) -> list[SimpleNamespace]:
    """What a step launches for heads of a width; not aligned, rows begin at odd elements."""
    query, key, value = (torch.zeros(2, 2, 9, width + (not aligned), dtype=dtype)[..., not aligned :] for _ in range(3))
    offsets = torch.zeros(2, 2, 9, points, 2, dtype=offsets_dtype or dtype)
    with compiling_for(arch) as launches:
        run_both(query, key, value, offsets, (3, 3))
    return launches


def usage(launch: SimpleNamespace) -> dict[str, int]:
    """Registers and bytes of stack a thread, by the assembler; spilled registers lie on the stack."""
    if 'amdgcn' in launch.asm:
        found = dict(re.findall(r'\.(vgpr_count|private_segment_fixed_size): +(\d+)', launch.asm['amdgcn']))
        return {'registers': int(found['vgpr_count']), 'stack': int(found['private_segment_fixed_size'])}
    tool = Path(triton.__file__).parent / 'backends/nvidia/bin/cuobjdump'
    with tempfile.NamedTemporaryFile(suffix='.cubin') as file:
        file.write(launch.asm['cubin'])
        file.flush()
        text = subprocess.run([tool, '-res-usage', file.name], capture_output=True, text=True, check=True).stdout
    found = dict(re.findall(r'(\w+):(\d+)', text.splitlines()[-1]))
    return {'registers': int(found['REG']), 'stack': int(found['STACK']) + int(found['LOCAL'])}


def accesses(launch: SimpleNamespace) -> dict[str, int]:
    """Instructions of the program for NVIDIA that touch memory: loads by bytes, and atomic additions."""
    counts: dict[str, int] = {}
    for vector, bits in re.findall(r'ld\.global\S*?(?:\.v(\d))?\.[busf](\d+) ', launch.asm['ptx']):
        name = f'load {int(vector or 1) * int(bits) // 8}'
        counts[name] = counts.get(name, 0) + 1
    counts['atomic'] = len(re.findall(r'(?:red|atom)\.global', launch.asm['ptx']))
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--archs', nargs='+', default=list(ARCHS), choices=ARCHS)
    parser.add_argument('--widths', nargs='+', type=int, default=list(WIDTHS))
    parser.add_argument('--dtypes', nargs='+', default=[str(d).removeprefix('torch.') for d in DTYPES])
    args = parser.parse_args()
    print('| GPU | width | type | kernel | registers | stack | memory instructions |\n' + '| --- ' * 7 + '|')
    for arch in args.archs:
        for width in args.widths:
            for dtype in args.dtypes:
                for launch in compile_both(arch, width, getattr(torch, dtype)):
                    found = usage(launch)
                    seen = accesses(launch) if 'ptx' in launch.asm else {}
                    print(
                        f'| {arch} | {width} | {dtype} | {launch.name.strip("_")} | {found["registers"]} | '
                        f'{found["stack"]} | {", ".join(f"{n} x {name}" for name, n in sorted(seen.items()))} |',
                        flush=True,
                    )


if __name__ == '__main__':
    main()
