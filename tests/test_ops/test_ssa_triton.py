"""The Triton kernels, run in Triton's interpreter and compiled for GPUs that are not here.

The interpreter runs in its own process.
"""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.utils import digit_version

pytest.importorskip('triton')
compiled = pytest.importorskip('compiled_kernels')

SCRIPT = """
import torch
from ssa_inputs import assert_agrees_with_float64, random_inputs, value_and_gradients

from mmhsi.ops import sparse_sampling_attention
from mmhsi.ops.ssa_triton import ssa_triton, ssa_triton_backward

torch.set_num_threads(1)
for batch, heads, shape, dims, points, spread in [(1, 2, (3, 4), 15, 3, 2.), (1, 1, (1, 1), 10, 1, .5),
                                                  (1, 1, (9, 3), 64, 2, 1.), (2, 1, (4, 2), 80, 3, 20.)]:
    for dtype, rtol, atol in [(torch.float32, 1e-5, 2e-6), (torch.bfloat16, 2e-2, 1e-2), (torch.float16, 3e-3, 2e-3)]:
        if dtype == torch.float32 or dims == 15:
            assert_agrees_with_float64('triton', batch, heads, shape, dims, points, spread, dtype, rtol, atol)

query, key, value, offsets = random_inputs(1, 1, (2, 3), 4, 2, dtype=torch.float32)
assert torch.count_nonzero(sparse_sampling_attention(query, key, value, offsets + 1e9, (2, 3), backend='triton')) == 0
broken = offsets.clone()
broken[0, 0, 1, 0, 0] = float('nan')
out = sparse_sampling_attention(query, key, value, broken, (2, 3), backend='triton')[0, 0]
assert out[1].isnan().all() and out[[0, 2, 3, 4, 5]].isfinite().all()

half_cells = (2 * offsets).round() / 2
wanted = value_and_gradients([t.double() for t in (query, key, value, half_cells)], (2, 3), 'dense', query)
for result, reference in zip(value_and_gradients([query, key, value, half_cells], (2, 3), 'triton', query), wanted):
    torch.testing.assert_close(result.double(), reference, rtol=1e-5, atol=5e-6)

# every point between the same four cells: more than one block of them
crowd = random_inputs(1, 1, (9, 3), 64, 2, dtype=torch.float32)
row, column = torch.arange(27) // 3, torch.arange(27) % 3
crowd[3] = .3 + torch.stack([1 - column, 4 - row], -1).float()[None, None, :, None].repeat(1, 1, 1, 2, 1)
wanted = value_and_gradients([t.double() for t in crowd], (9, 3), 'dense', crowd[0])
for result, reference in zip(value_and_gradients(crowd, (9, 3), 'triton', crowd[0]), wanted):
    torch.testing.assert_close(result.double(), reference, rtol=1e-5, atol=1e-5)

# rows that begin at odd addresses, lie in other orders or are shared, and rows beyond 2^31 elements
wide = [t.expand(1, 2, -1, -1) for t in random_inputs(1, 1, (3, 2), 33, 3, dtype=torch.float32)[:3]]
shifts = random_inputs(1, 2, (3, 2), 2, 3, dtype=torch.float32)[3]
grad = torch.randn(1, 2, 6, 16)
far = torch.empty(2**31 + 64, dtype=torch.float16).as_strided((1, 1, 3, 16), (0, 0, 2**30 + 16, 1))
far.copy_(torch.randn(far.shape))

def other_order(t):
    return t.transpose(2, 3).contiguous().transpose(2, 3)

for tensors, places, shape, upstream in [
        ([t[..., 1:17] for t in wide], shifts, (3, 2), grad),
        ([other_order(t[..., :16]) for t in wide], shifts, (3, 2), other_order(grad)),
        ([far, far, far], shifts[:1, :1, :3, :, :], (1, 3), grad[:1, :1, :3])]:
    wanted = value_and_gradients([t.contiguous().double() for t in (*tensors, places)], shape, 'dense', upstream)
    found = value_and_gradients([*tensors, places], shape, 'triton', upstream)
    for result, reference in zip(found, wanted):
        torch.testing.assert_close(result.double(), reference, rtol=3e-3, atol=2e-3)

empty = random_inputs(0, 1, (2, 3), 4, 2, dtype=torch.float32)
assert sparse_sampling_attention(*empty, (2, 3), backend='triton').shape == (0, 1, 6, 4)

tests = ('test_schema', 'test_autograd_registration', 'test_faketensor')
inputs = [t.requires_grad_() for t in (query, key, value, offsets)]
torch.library.opcheck(ssa_triton, (*inputs, 2, 3, .5), test_utils=tests)
out, log_sum = ssa_triton(*inputs, 2, 3, .5)
detached = [t.detach() for t in (query, *inputs, out, log_sum)]
torch.library.opcheck(ssa_triton_backward, (*detached, 2, 3, .5), test_utils=tests)

try:
    sparse_sampling_attention(*(t.double() for t in inputs), (2, 3), backend='triton')
except ValueError as error:
    assert 'float32, bfloat16 and float16' in str(error)
else:
    raise AssertionError('float64 was taken')
torch.use_deterministic_algorithms(True)
value_and_gradients([query, key, value, offsets], (2, 3), 'triton', query)
try:
    sparse_sampling_attention(query, key, value, offsets.to('meta'), (2, 3), backend='triton')
except ValueError as error:
    assert 'on one CUDA device' in str(error) and 'meta' in str(error)
else:
    raise AssertionError('tensors of two devices were taken')
print('all agree')
"""


LAYER_SCRIPT = """
import sys

import torch
from torch.utils.checkpoint import checkpoint

from mmhsi.models.layers import SparseSamplingAttention


def results(run):
    layer.zero_grad()
    out = run(x)
    out.float().square().sum().backward()
    return [out.detach(), *(p.grad.clone() for p in layer.parameters())]


torch.set_num_threads(1)
torch.manual_seed(0)
layer = SparseSamplingAttention(20, 2, num_points=2, backend='torch')
x = torch.randn(1, 6, 20)
wanted = results(lambda x: layer(x, (2, 3)))
with torch.autocast('cpu', torch.bfloat16):
    rounded = results(lambda x: layer(x, (2, 3)))
layer.backend = 'triton'
compiled = torch.compile(layer, backend='aot_eager', fullgraph=True)
torch.distributed.init_process_group('gloo', init_method=f'file://{sys.argv[1]}', rank=0, world_size=1)
distributed = torch.nn.parallel.DistributedDataParallel(layer)
for run in (lambda x: layer(x, (2, 3)), lambda x: compiled(x, (2, 3)), lambda x: distributed(x, (2, 3)),
            lambda x: checkpoint(layer, x, (2, 3), use_reentrant=False)):
    for result, reference in zip(results(run), wanted, strict=True):
        torch.testing.assert_close(result, reference, rtol=1e-4, atol=1e-5)
with torch.autocast('cpu', torch.bfloat16):
    found = results(lambda x: layer(x, (2, 3)))
assert found[0].dtype == torch.bfloat16
for result, reference, exact in zip(found, rounded, wanted, strict=True):
    assert (result - exact).norm() < 1.2 * (reference - exact).norm() + .005 * exact.norm()
torch.distributed.destroy_process_group()
print('all agree')
"""


def interpret(script, *arguments):
    """Output of a script with kernels in the interpreter; the variable must be set before the import."""
    environment = dict(
        os.environ,
        TRITON_INTERPRET='1',
        OMP_NUM_THREADS='1',
        PYTHONPATH=os.pathsep.join([str(Path(__file__).parents[1]), *sys.path]),
    )
    result = subprocess.run(
        [sys.executable, '-c', script, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=500,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def test_kernels_in_the_interpreter():
    assert 'all agree' in interpret(SCRIPT)


def test_layer_under_compilation_checkpointing_autocast_and_distribution(tmp_path):
    assert 'all agree' in interpret(LAYER_SCRIPT, str(tmp_path / 'store'))


needs_recent_triton = pytest.mark.skipif(
    digit_version(importlib.metadata.version('triton')) < digit_version('3.3'),
    reason='compilation without a device is written for Triton 3.3 and later',
)

# Registers a thread: a multiprocessor's 65 536 hold 28 and 16 warps of 72 and 128
BUDGET = {'forward_kernel': 72, 'queries_kernel': 128, 'cells_kernel': 128}
ROTATION = [(compiled.ARCHS[i], 64, compiled.DTYPES[i % 3]) for i in range(len(compiled.ARCHS))] + [
    ('90', width, compiled.DTYPES[i % 3]) for i, width in enumerate((15, 32, 80, 106, 128), 1)
]
MATRIX = [(arch, width, dtype) for arch in compiled.ARCHS for width in compiled.WIDTHS for dtype in compiled.DTYPES]


def assert_compiles_within_budget(arch, width, dtype):
    launches = compiled.compile_both(arch, width, dtype)
    assert [launch.name for launch in launches] == list(BUDGET)
    for launch in launches:
        found = compiled.usage(launch)
        assert found['stack'] == 0 and found['registers'] <= BUDGET[launch.name], (launch.name, found)


@needs_recent_triton
@pytest.mark.parametrize('arch, width, dtype', ROTATION)
def test_compiles_within_its_budget(arch, width, dtype):
    assert_compiles_within_budget(arch, width, dtype)


@needs_recent_triton
@pytest.mark.slow
@pytest.mark.parametrize('arch, width, dtype', [case for case in MATRIX if case not in ROTATION])
def test_compiles_within_its_budget_everywhere(arch, width, dtype):
    assert_compiles_within_budget(arch, width, dtype)


@needs_recent_triton
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_memory_is_reached_in_vectors_and_without_atomics(dtype):
    """16 bytes of a row in an instruction: of nine and eleven rows, and of two in each step of a loop over points."""
    for launch, rows in zip(compiled.compile_both('90', 64, dtype), (9, 11, 4), strict=True):
        seen = compiled.accesses(launch)
        assert seen['load 16'] == rows and seen['atomic'] == 0


@needs_recent_triton
def test_what_varies_between_scenes_is_not_compiled_again():
    """Nor are rows of another alignment: they are copied."""
    wanted = {launch.hash for launch in compiled.compile_both('90', 64, torch.float32)}
    assert {launch.hash for launch in compiled.compile_both('90', 64, torch.float32, aligned=False)} == wanted
    with compiled.compiling_for('90') as launches:
        for batch, heads, shape in [(1, 1, (1, 1)), (1, 1, (16, 16)), (3, 16, (1, 7))]:
            tokens = shape[0] * shape[1]
            fused = torch.zeros(batch, tokens, 3, heads, 64).permute(2, 0, 3, 1, 4)
            offsets = torch.zeros(batch, tokens, heads, 8, 2).transpose(1, 2)
            compiled.run_both(*fused, offsets, shape)
    assert {launch.hash for launch in launches} == wanted


@needs_recent_triton
def test_mixed_types_compile():
    assert len(compiled.compile_both('90', 64, torch.bfloat16, offsets_dtype=torch.float32)) == 3


@needs_recent_triton
def test_more_heads_than_the_second_axis_of_a_grid_holds():
    pairs = 70_000
    with compiled.compiling_for('90') as launches:
        compiled.run_both(*torch.zeros(3, pairs, 1, 1, 16), torch.zeros(pairs, 1, 1, 2, 2), (1, 1))
    assert [launch.grid for launch in launches] == 3 * [(pairs,)]
