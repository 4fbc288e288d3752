"""The fused CPU back end of sparse sampling attention: ``sparse_sampling_attention.c`` as operators of torch.

C was chosen over numba because it needs nothing that most machines lack, vectorises as written, and shares the threads
of torch: the work runs on the OpenMP runtime that torch has loaded, so no second thread pool competes with it. In a
forked process, where the threads of that pool do not exist, it starts its own threads.
"""

import ctypes
import os
import subprocess
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .native_library import load_library

_FOLDER = Path(__file__).resolve().parent
SOURCE = _FOLDER / 'sparse_sampling_attention.c'
HEADERS = tuple(_FOLDER / name for name in ('ssa_common.h', 'ssa_cells.h', 'ssa_work.h', 'ssa_stages.h'))
_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
_LANES = 16  # the most that LANES of ssa_common.h can be
_LARGEST_INDEX = 2**31 - 1
# Multiplications that justify another thread: about 20 microseconds of work.
_WORK_PER_THREAD = 2**18

# Results larger than this are written past the caches, which could not keep them until they are read.
_BYTES_TO_STREAM = 4 * 2**20

_forked = False
_forbidden: str | None = None


def _note_fork() -> None:
    global _forked
    _forked = True


if hasattr(os, 'register_at_fork'):  # systems without it do not fork
    os.register_at_fork(after_in_child=_note_fork)


class _Rows(ctypes.Structure):
    _fields_ = [('data', ctypes.c_void_p)] + [
        (name, ctypes.c_int64) for name in ('batch', 'head', 'token', 'width', 'bfloat16')
    ]


_TENSORS = (
    'query',
    'key',
    'value',
    'offsets',
    'out',
    'grad_out',
    'grad_query',
    'grad_key',
    'grad_value',
    'grad_offsets',
)
_RESULTS = ('out', 'grad_query', 'grad_key', 'grad_value', 'grad_offsets')


class _Problem(ctypes.Structure):
    _fields_ = [
        *((name, _Rows) for name in _TENSORS),
        *((name, ctypes.c_int64) for name in ('batch', 'heads', 'height', 'width', 'points')),
        ('scale', ctypes.c_float),
        ('stream', ctypes.c_int32),
        ('threads', ctypes.c_int64),
        ('region', ctypes.c_void_p),
        ('scratch', ctypes.c_void_p),
        ('scratch_bytes', ctypes.c_int64),
    ]


class _Kernel:
    """The compiled functions and the entry of torch's OpenMP runtime."""

    def __init__(self) -> None:
        library = load_library(SOURCE, HEADERS)
        self.run = library.ssa_run
        self.run.argtypes, self.run.restype = [ctypes.c_void_p, ctypes.c_int64], None
        self.scratch_bytes = library.ssa_scratch_bytes
        self.scratch_bytes.argtypes, self.scratch_bytes.restype = [ctypes.c_void_p, ctypes.c_int64], ctypes.c_int64
        library.ssa_problem_bytes.restype = ctypes.c_int64
        if library.ssa_problem_bytes() != ctypes.sizeof(_Problem):
            raise OSError('sparse_sampling_attention.c was compiled with a different layout than this module expects')
        try:
            self.region = ctypes.cast(ctypes.CDLL(None).GOMP_parallel, ctypes.c_void_p).value
        except AttributeError:
            self.region = None


@lru_cache(maxsize=1)
def _load() -> _Kernel | str:
    try:
        return _Kernel()
    except (OSError, subprocess.SubprocessError, UnicodeError) as error:
        return f'{type(error).__name__}: {error}'


def why_unavailable() -> str | None:
    """Why the kernel cannot be compiled, loaded or used here; ``None`` if it can."""
    if _forbidden is not None:
        return _forbidden
    kernel = _load()
    return kernel if isinstance(kernel, str) else None


def forbid(reason: str | None) -> None:
    """Disable the kernel, e.g. because another process of the run cannot use it; None enables it again."""
    global _forbidden
    _forbidden = reason


def assume_constant(function: Callable) -> Any:
    """As ``torch.compiler.assume_constant_result``, which imports the compiler: 4 s of processor time."""
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function


@assume_constant
def _kernel_loaded() -> bool:
    return why_unavailable() is None


def why_unsupported(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor) -> str | None:
    """Why the kernel does not accept these tensors; ``None`` if it does."""
    dtypes = {query.dtype, key.dtype, value.dtype}
    if query.device.type != 'cpu':
        return f'it runs on the CPU, the query is on {query.device.type}'
    if len(dtypes) != 1 or query.dtype not in _DTYPES or offsets.dtype not in _DTYPES:
        return (
            f'it accepts query, key and value of the same type, float32, bfloat16 or float16, found {query.dtype}, '
            f'{key.dtype}, {value.dtype}, and offsets of {offsets.dtype}'
        )
    tokens, width = query.shape[2], max(key.shape[-1], value.shape[-1])
    if tokens * 2 * (width + _LANES) > _LARGEST_INDEX or tokens * (4 * offsets.shape[3] + 1) > _LARGEST_INDEX:
        return f'{tokens} tokens of width {width} with {offsets.shape[3]} points exceed its 32-bit indices'
    return None


def _rows(tensor: Tensor) -> _Rows:
    batch, head, token = tensor.stride()[:3]
    return _Rows(tensor.data_ptr(), batch, head, token, tensor.shape[-1], tensor.dtype == torch.bfloat16)


def _with_whole_rows(tensor: Tensor) -> Tensor:
    return tensor if tensor.stride(-1) == 1 else tensor.contiguous()


def _offset_rows(offsets: Tensor) -> Tensor:
    """(B, heads, N, P, 2) as float32 rows (B, heads, N, 2 P)."""
    return _with_whole_rows(offsets.float().flatten(3))


def _empty_rows(like: Tensor, width: int, dtype: torch.dtype) -> Tensor:
    """An empty (B, heads, N, width) with the memory layout (B, N, heads, width) of the projections."""
    batch, heads, tokens = like.shape[:3]
    return torch.empty(batch, tokens, heads, width, dtype=dtype, device=like.device).transpose(1, 2)


def _call(tensors: dict[str, Tensor], height: int, width: int, scale: float, backward: bool) -> None:
    query = tensors['query']
    batch, heads, tokens, head_dims = query.shape
    if query.numel() == 0:
        return
    kernel = _load()
    if isinstance(kernel, str):
        raise RuntimeError(f'the fused back end is not available: {kernel}')
    points = tensors['offsets'].shape[-1] // 2
    work = batch * heads * tokens * points * 4 * head_dims * (6 if backward else 2)
    threads = max(1, min(torch.get_num_threads(), batch * heads, work // _WORK_PER_THREAD))
    written = sum(tensor.nbytes for name, tensor in tensors.items() if name in _RESULTS)
    problem = _Problem(
        batch=batch,
        heads=heads,
        height=height,
        width=width,
        points=points,
        scale=scale,
        threads=threads,
        stream=written >= _BYTES_TO_STREAM,
        region=None if _forked else kernel.region,
        **{name: _rows(tensor) for name, tensor in tensors.items()},
    )
    address = ctypes.addressof(problem)
    problem.scratch_bytes = kernel.scratch_bytes(address, backward)
    scratch = torch.empty(threads * problem.scratch_bytes + 64, dtype=torch.uint8)
    problem.scratch = (scratch.data_ptr() + 63) // 64 * 64
    kernel.run(address, backward)


@torch.library.custom_op('mmhsi::ssa_fused', mutates_args=(), device_types='cpu')
def ssa_fused(
    query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, height: int, width: int, scale: float
) -> Tensor:
    """Forward pass; see :func:`mmhsi.ops.sparse_sampling_attention`."""
    tensors = {'query': query, 'key': key, 'value': value}
    tensors = {name: _with_whole_rows(tensor) for name, tensor in tensors.items()}
    out = _empty_rows(value, value.shape[-1], value.dtype)
    _call(dict(tensors, offsets=_offset_rows(offsets), out=out), height, width, scale, backward=False)
    return out


@torch.library.custom_op('mmhsi::ssa_fused_backward', mutates_args=(), device_types='cpu')
def ssa_fused_backward(
    grad_out: Tensor, query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, height: int, width: int, scale: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of query, key, value and offsets from the gradient of the result and the inputs."""
    tensors = {'query': query, 'key': key, 'value': value, 'grad_out': grad_out.to(value.dtype)}
    tensors = {name: _with_whole_rows(tensor) for name, tensor in tensors.items()}
    grads = [_empty_rows(tensor, tensor.shape[-1], tensor.dtype) for tensor in (query, key, value)]
    grad_offsets = _empty_rows(offsets, 2 * offsets.shape[3], torch.float32)
    _call(
        dict(
            tensors,
            offsets=_offset_rows(offsets),
            grad_query=grads[0],
            grad_key=grads[1],
            grad_value=grads[2],
            grad_offsets=grad_offsets,
        ),
        height,
        width,
        scale,
        backward=True,
    )
    return *grads, grad_offsets.unflatten(-1, (offsets.shape[3], 2)).to(offsets.dtype)


@ssa_fused.register_fake
def _fused_shape(query, key, value, offsets, height, width, scale):
    return _empty_rows(value, value.shape[-1], value.dtype)


@ssa_fused_backward.register_fake
def _fused_backward_shapes(grad_out, query, key, value, offsets, height, width, scale):
    grads = [_empty_rows(tensor, tensor.shape[-1], tensor.dtype) for tensor in (query, key, value)]
    points = offsets.shape[3]
    return *grads, _empty_rows(offsets, 2 * points, offsets.dtype).unflatten(-1, (points, 2))


def _save_inputs(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs[:4])
    ctx.settings = inputs[4:]


def _backward(ctx, grad_out):
    grads = ssa_fused_backward(grad_out, *ctx.saved_tensors, *ctx.settings)
    return *grads, None, None, None


ssa_fused.register_autograd(_backward, setup_context=_save_inputs)


def attend_fused(
    query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, spatial_shape: tuple[int, int], scale: float
) -> Tensor:
    """The fused back end; float16 is converted to float32 and back."""
    reason = why_unsupported(query, key, value, offsets)
    if reason is not None:
        raise ValueError(f'the back end "fused" cannot take these tensors: {reason}')
    if not _kernel_loaded():
        raise ValueError(f'the back end "fused" is not available here: {why_unavailable()}')
    if torch.float16 in (query.dtype, offsets.dtype):
        return ssa_fused(query.float(), key.float(), value.float(), offsets.float(), *spatial_shape, scale).to(
            value.dtype
        )
    return ssa_fused(query, key, value, offsets, *spatial_shape, scale)
