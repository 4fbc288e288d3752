import importlib
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from ssa_inputs import CASES, assert_agrees_with_float64, random_inputs, value_and_gradients
from torch.utils.checkpoint import checkpoint

from mmhsi.models.layers import SparseSamplingAttention
from mmhsi.ops import sparse_sampling_attention
from mmhsi.ops.native_library import find_compiler
from mmhsi.ops.ssa_fused import ssa_fused, ssa_fused_backward, why_unavailable

ssa_fused_module = importlib.import_module('mmhsi.ops.ssa_fused')
pytestmark = pytest.mark.skipif(why_unavailable() is not None, reason=f'no fused kernel: {why_unavailable()}')

BOUNDS = {torch.float32: (1e-5, 2e-6), torch.bfloat16: (1e-2, 4e-3), torch.float16: (2e-3, 1e-3)}


@pytest.fixture
def threads():
    """Set the number of torch's threads, for one test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize('dtype', BOUNDS, ids=str)
@pytest.mark.parametrize('case', CASES, ids=str)
def test_agrees_with_float64(case, dtype):
    rtol, atol = BOUNDS[dtype]
    assert_agrees_with_float64('fused', *case, dtype, rtol, atol)


def test_agrees_with_the_definition():
    inputs = random_inputs(2, 2, (7, 5), 12, 6)
    grad_out = torch.randn(inputs[0].shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    wanted = value_and_gradients(inputs, (7, 5), 'torch', grad_out, scale=0.7)
    found = value_and_gradients([t.float() for t in inputs], (7, 5), 'fused', grad_out, scale=0.7)
    for result, reference in zip(found, wanted, strict=True):
        torch.testing.assert_close(result.double(), reference, rtol=1e-5, atol=5e-6)


def test_points_on_cells_and_borders():
    query, key, value, offsets = random_inputs(1, 2, (4, 6), 9, 8, spread=3.0, dtype=torch.float32)
    inputs = [query, key, value, (2 * offsets).round() / 2]
    grad_out = torch.ones_like(query)
    wanted = value_and_gradients([t.double() for t in inputs], (4, 6), 'dense', grad_out)
    for result, reference in zip(value_and_gradients(inputs, (4, 6), 'fused', grad_out), wanted, strict=True):
        torch.testing.assert_close(result.double(), reference, rtol=1e-5, atol=5e-6)


def test_points_far_outside_have_no_share_and_no_gradient():
    query, key, value, offsets = random_inputs(1, 2, (4, 4), 6, 5, dtype=torch.float32)
    for distance in (6.0, 1e5, 1e9, 1e30):
        results = value_and_gradients([query, key, value, offsets.abs() + distance], (4, 4), 'fused', query)
        assert all(torch.count_nonzero(result) == 0 for result in results)


@pytest.mark.parametrize('bad', [float('nan'), float('inf'), -float('inf')])
def test_an_offset_that_is_not_finite_shows_in_its_query_alone(bad):
    query, key, value, offsets = random_inputs(1, 1, (4, 4), 6, 5, dtype=torch.float32)
    offsets[0, 0, 3, 2, 1] = bad
    out = sparse_sampling_attention(query, key, value, offsets, (4, 4), backend='fused')[0, 0]
    assert out[3].isnan().all() and out[:3].isfinite().all() and out[4:].isfinite().all()


def test_a_nan_in_the_value_shows():
    query, key, value, offsets = random_inputs(1, 1, (4, 4), 6, 5, spread=0.2, dtype=torch.float32)
    value[0, 0, 5, 2] = float('nan')
    out = sparse_sampling_attention(query, key, value, offsets, (4, 4), backend='fused')
    assert out[0, 0, 5, 2].isnan() and out[0, 0, 15].isfinite().all()


def test_another_width_of_the_value():
    query, key, _, offsets = random_inputs(1, 2, (3, 4), 5, 3)
    value = torch.randn(1, 2, 12, 21, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    inputs = [query, key, value, offsets]
    wanted = value_and_gradients(inputs, (3, 4), 'torch', value)
    for result, reference in zip(
        value_and_gradients([t.float() for t in inputs], (3, 4), 'fused', value), wanted, strict=True
    ):
        torch.testing.assert_close(result.double(), reference, rtol=1e-5, atol=5e-6)


@pytest.mark.parametrize('flag', ['-mno-avx512f', '-mno-avx'])
@pytest.mark.skipif(platform.machine() != 'x86_64', reason='the flags are those of x86-64')
def test_agrees_on_processors_with_narrower_vectors(flag, monkeypatch):
    monkeypatch.setenv('CC', f'{shlex.join(find_compiler())} {flag}')
    narrow = ssa_fused_module._Kernel()
    monkeypatch.setattr(ssa_fused_module, '_load', lambda: narrow)
    for case in CASES:
        for dtype in (torch.float32, torch.bfloat16):
            rtol, atol = BOUNDS[dtype]
            assert_agrees_with_float64('fused', *case, dtype, rtol, atol)


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16], ids=str)
def test_results_written_past_the_caches(dtype, monkeypatch):
    inputs = random_inputs(2, 3, (5, 4), 64, 8, dtype=dtype)
    inputs = [t.transpose(1, 2).contiguous().transpose(1, 2) for t in inputs]
    wanted = value_and_gradients(inputs, (5, 4), 'fused', inputs[0])
    monkeypatch.setattr(ssa_fused_module, '_BYTES_TO_STREAM', 0)
    for result, reference in zip(value_and_gradients(inputs, (5, 4), 'fused', inputs[0]), wanted, strict=True):
        assert torch.equal(result, reference)


def test_any_strides():
    inputs = random_inputs(2, 3, (3, 4), 6, 2, dtype=torch.float32)
    wanted = value_and_gradients(inputs, (3, 4), 'fused', torch.ones(2, 3, 12, 6))
    strided = [t.transpose(1, 2).contiguous().transpose(1, 2) for t in inputs]
    strided[0] = strided[0].transpose(2, 3).contiguous().transpose(2, 3)
    found = value_and_gradients(strided, (3, 4), 'fused', torch.ones(()).expand(2, 3, 12, 6))
    for result, reference in zip(found, wanted, strict=True):
        assert torch.equal(result, reference)


def test_no_tokens_and_no_images():
    for batch, shape in ((0, (3, 3)), (2, (0, 3))):
        inputs = random_inputs(batch, 2, shape, 4, 2, dtype=torch.float32)
        results = value_and_gradients(inputs, shape, 'fused', inputs[0])
        assert [r.shape for r in results] == [inputs[0].shape, *(t.shape for t in inputs)]


def test_threads_do_not_change_a_bit(threads):
    inputs = random_inputs(3, 4, (10, 10), 32, 8, dtype=torch.float32)
    results = []
    for count in (1, 2, 5):
        threads(count)
        results.append(value_and_gradients(inputs, (10, 10), 'fused', inputs[0]))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_automatic_choice_on_the_cpu(monkeypatch):
    monkeypatch.delenv('MMHSI_SSA_BACKEND', raising=False)
    inputs = random_inputs(1, 2, (5, 5), 8, 4, dtype=torch.float32)
    fused = sparse_sampling_attention(*inputs, (5, 5), backend='fused')
    assert torch.equal(sparse_sampling_attention(*inputs, (5, 5)), fused)
    double = [t.double() for t in inputs]
    assert torch.equal(
        sparse_sampling_attention(*double, (5, 5)), sparse_sampling_attention(*double, (5, 5), backend='dense')
    )


def test_types_that_it_does_not_take():
    inputs = random_inputs(1, 1, (2, 2), 4, 2)
    with pytest.raises(ValueError, match='cannot take these tensors: it accepts .* of the same type.*float64'):
        sparse_sampling_attention(*inputs, (2, 2), backend='fused')
    with pytest.raises(ValueError, match='runs on the CPU, the query is on meta'):
        sparse_sampling_attention(*(t.float().to('meta') for t in inputs), (2, 2), backend='fused')


def test_registration():
    inputs = [t.requires_grad_() for t in random_inputs(1, 2, (3, 4), 5, 2, dtype=torch.float32)]
    checks = torch.library.opcheck(ssa_fused, (*inputs, 3, 4, 0.5))
    assert checks and set(checks.values()) == {'SUCCESS'}
    tensors = [t.detach() for t in inputs]
    checks = torch.library.opcheck(ssa_fused_backward, (torch.ones(1, 2, 12, 5), *tensors, 3, 4, 0.5))
    assert checks and set(checks.values()) == {'SUCCESS'}


def test_second_derivatives_are_refused():
    inputs = [t.requires_grad_() for t in random_inputs(1, 1, (3, 3), 4, 2, dtype=torch.float32)]
    out = sparse_sampling_attention(*inputs, (3, 3), backend='fused')
    (grad,) = torch.autograd.grad(out.square().sum(), inputs[0], create_graph=True)
    with pytest.raises(RuntimeError, match='autograd'):
        grad.sum().backward()


def layer_results(layer, x, run):
    layer.zero_grad()
    out = run(x)
    out.float().square().sum().backward()
    return [out.detach(), *(p.grad.clone() for p in layer.parameters())]


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return SparseSamplingAttention(24, 3, num_points=4, backend='fused')


def test_layer_under_compilation_checkpointing_and_distribution(layer, tmp_path):
    x = torch.randn(2, 20, 24, generator=torch.Generator().manual_seed(1))
    wanted = layer_results(layer, x, lambda x: layer(x, (4, 5)))
    compiled = torch.compile(layer, backend='aot_eager', fullgraph=True)
    torch.distributed.init_process_group('gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1)
    try:
        distributed = torch.nn.parallel.DistributedDataParallel(layer)
        for run in (
            lambda x: compiled(x, (4, 5)),
            lambda x: checkpoint(layer, x, (4, 5), use_reentrant=False),
            lambda x: distributed(x, (4, 5)),
        ):
            for result, reference in zip(layer_results(layer, x, run), wanted, strict=True):
                torch.testing.assert_close(result, reference)
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.skipif(torch.__version__.startswith('2.4.'), reason='torch 2.4 cannot trace a look-up in the environment')
def test_automatic_choice_compiles_into_one_graph(monkeypatch):
    monkeypatch.delenv('MMHSI_SSA_BACKEND', raising=False)
    inputs = random_inputs(1, 2, (3, 4), 5, 2, dtype=torch.float32)
    compiled = torch.compile(lambda *t: sparse_sampling_attention(*t, (3, 4)), backend='aot_eager', fullgraph=True)
    assert torch.equal(compiled(*inputs), sparse_sampling_attention(*inputs, (3, 4), backend='fused'))


def test_layer_under_autocast_is_as_exact_as_the_definition(layer):
    x = torch.randn(2, 20, 24, generator=torch.Generator().manual_seed(1))
    wanted = layer_results(layer, x, lambda x: layer(x, (4, 5)))
    errors = {}
    for layer.backend in ('fused', 'torch'):
        with torch.autocast('cpu', torch.bfloat16):
            found = layer_results(layer, x, lambda x: layer(x, (4, 5)))
        assert found[0].dtype == torch.bfloat16
        errors[layer.backend] = [
            float((result.float() - reference).norm() / reference.norm())
            for result, reference in zip(found, wanted, strict=True)
        ]
    assert errors['fused'][0] < 0.02
    assert all(fused < 1.2 * plain + 0.002 for fused, plain in zip(errors['fused'], errors['torch'], strict=True))


def test_works_after_fork():
    # in a process of its own: threads that other tests left behind would not survive the fork
    script = Path(__file__).resolve().parents[1] / 'fork_check.py'
    finished = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=180)
    assert finished.returncode == 0, finished.stderr


def test_memory_does_not_grow():
    inputs = random_inputs(1, 2, (8, 8), 16, 4, dtype=torch.float32)

    def resident():
        with open('/proc/self/statm') as file:
            return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')

    if not os.path.exists('/proc/self/statm'):
        pytest.skip('no /proc')
    for _ in range(50):
        value_and_gradients(inputs, (8, 8), 'fused', inputs[0])
    before = resident()
    for _ in range(500):
        value_and_gradients(inputs, (8, 8), 'fused', inputs[0])
    assert resident() - before < 4 * 2**20
