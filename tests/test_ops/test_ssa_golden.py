"""Golden cases of layers with sparse sampling attention, through every back end."""

import pytest
from mmengine.registry import init_default_scope

from golden_checks.case import GOLDEN_ROOT, find_cases
from golden_checks.dispatch import assert_agrees
from mmhsi.ops.ssa_fused import why_unavailable

CASES = [case for case in find_cases() if case.reference.endswith((':SampleAttention', ':Block'))]
BACKENDS = ['torch', 'dense', 'separable', 'fused']


@pytest.mark.skipif(not CASES, reason=f'no golden cases in {GOLDEN_ROOT}; set MMHSI_GOLDEN to their folder')
@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('case', CASES, ids=lambda case: case.path.parent.name)
def test_golden_layers(case, backend, monkeypatch):
    if backend == 'fused' and why_unavailable() is not None:
        pytest.skip(f'no fused kernel: {why_unavailable()}')
    init_default_scope('mmhsi')
    monkeypatch.setenv('MMHSI_SSA_BACKEND', backend)
    assert_agrees(case)
