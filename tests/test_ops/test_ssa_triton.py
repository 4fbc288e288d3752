"""The Triton kernels in Triton's interpreter, in a process of its own: the variable must be set before the import."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('triton')

SCRIPT = """
import torch
from ssa_inputs import check_against_float64, random_inputs, value_and_gradients

from mmhsi.ops import sparse_sampling_attention
from mmhsi.ops.ssa_triton import ssa_triton, ssa_triton_backward

torch.set_num_threads(1)
for batch, heads, shape, dims, points, spread in [(2, 2, (3, 5), 15, 3, 2.), (1, 1, (1, 1), 10, 1, .5),
                                                  (1, 1, (9, 8), 64, 2, 1.), (1, 1, (4, 3), 80, 3, 20.)]:
    for dtype, rtol, atol in [(torch.float32, 1e-5, 2e-6), (torch.bfloat16, 2e-2, 1e-2), (torch.float16, 3e-3, 2e-3)]:
        if dtype == torch.float32 or dims == 15:
            check_against_float64('triton', batch, heads, shape, dims, points, spread, dtype, rtol, atol)

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
with torch.no_grad():
    sparse_sampling_attention(*inputs, (2, 3), backend='triton')
try:
    sparse_sampling_attention(*inputs, (2, 3), backend='triton')
except RuntimeError as error:
    assert 'use the back end "separable"' in str(error)
else:
    raise AssertionError('a gradient by atomics was taken for deterministic')
print('all agree')
"""


def test_kernels_in_the_interpreter():
    environment = dict(os.environ, TRITON_INTERPRET='1', OMP_NUM_THREADS='1',
                       PYTHONPATH=os.pathsep.join([str(Path(__file__).parents[1]), *sys.path]))
    result = subprocess.run([sys.executable, '-c', SCRIPT], capture_output=True, text=True, env=environment,
                            timeout=500, check=False)
    assert result.returncode == 0 and 'all agree' in result.stdout, result.stderr[-3000:]
