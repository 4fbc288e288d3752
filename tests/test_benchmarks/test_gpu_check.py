"""The check of GPUs in its reduced form on a CPU, and the counts that it compares times with."""

import importlib
import json
import sys
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).parents[2] / 'benchmarks'


@pytest.fixture(scope='module')
def benchmarks():
    """Lets the scripts import each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield importlib.import_module
    for name in ('gpu_check', 'gpu_check_runs', 'ssa_floor', 'ssa_reference', 'bench_ssa_networks'):
        sys.modules.pop(name, None)


def test_floor_is_the_size_of_the_tensors(benchmarks):
    batch, side, heads, dims, points = 2, 4, 3, 16, 5
    tensors = [torch.zeros(batch, heads, side**2, width, dtype=torch.bfloat16) for width in (*[dims] * 4, 2 * points)]
    count = benchmarks('ssa_floor').count
    forward = count(batch, side, 2, False, heads, dims, points)
    assert forward.floor == sum(tensor.nbytes for tensor in tensors)
    # four cells of keys and of values for each point
    assert forward.gathered == 8 * points * tensors[0].nbytes
    backward = count(batch, side, 2, True, heads, dims, points)
    assert backward.floor == 7 * tensors[0].nbytes + 2 * tensors[-1].nbytes
    assert backward.atomic == 8 * points * 2 * tensors[0].nbytes and backward.moved > backward.floor


def test_reduced_check_on_a_cpu(benchmarks, tmp_path, capsys, monkeypatch):
    for variable in ('MMHSI_DATA', 'MMHSI_SSA_BACKEND'):  # which the parts set
        monkeypatch.setenv(variable, 'auto')
    check = benchmarks('gpu_check').main(
        [
            '--device',
            'cpu',
            '--out',
            str(tmp_path / 'found.json'),
            '--parts',
            'accuracy',
            'attention',
            'networks',
            'tasks',
            'pretraining',
            'scene',
        ]
    )
    printed = capsys.readouterr().out
    tables = json.loads((tmp_path / 'found.json').read_text())['tables']
    assert list(tables) == [
        'accuracy: largest error by the largest value',
        'attention',
        'networks',
        'tasks',
        'pretraining',
        'scene',
        'wanted and found',
    ]
    assert all(f'\n{name}\n' in printed for name in tables)
    found = {row['what']: row for row in tables['wanted and found']}
    assert found == {row['what']: row for row in check.wanted}
    # what does not depend on speed is met here too
    slow = ('attention,', 'SpatViT')
    assert [what for what, row in found.items() if not row['met'] and not what.startswith(slow)] == []


def test_a_part_that_fails_is_told_and_ends_nothing(benchmarks, monkeypatch, capsys):
    script = benchmarks('gpu_check')

    def broken(check):
        raise RuntimeError('no kernel image')

    monkeypatch.setitem(script.PARTS, 'attention', broken)
    check = script.main(['--device', 'cpu', '--parts', 'attention', 'accuracy'])
    assert 'failed: RuntimeError: no kernel image' in capsys.readouterr().out
    failed = [target['what'] for target in check.wanted if not target['met']]
    assert failed == ['part attention runs'] and 'accuracy: largest error by the largest value' in check.tables
