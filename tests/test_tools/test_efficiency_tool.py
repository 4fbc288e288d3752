import csv
import runpy
from pathlib import Path

import pytest

from mmhsi.comparison.suite import load_suite
from mmhsi.models import SSFTT

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(str(ROOT / 'tools/benchmark/efficiency.py'))


def test_costs_of_a_network_and_one_that_does_not_fit(tool, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('MMHSI_DATA', str(tmp_path))  # no scene is read
    suite = load_suite(ROOT / 'configs/benchmarks/efficiency.py')
    cells = {(cell.setting, cell.contestant): cell for cell in suite.cells}
    ssftt = cells['small', 'SSFTT']
    row = tool['measure'](ssftt, 'cpu', 1, 2, 1)
    parameters = sum(value.numel() for value in SSFTT().parameters()) + 64 * 16 + 16
    assert (row['shape'], row['parameters']) == ('30 x 13 x 13', parameters)
    # both convolutions: 8 maps of 28 x 11 x 11 and 64 maps of 9 x 9
    assert row['flops'] > 2 * (8 * 28 * 121 * 27 + 64 * 81 * 224 * 9)
    assert row['throughput'] > 0 and row['step'] > 0 and row['memory'] > 4 * parameters
    broken = tool['measure'](
        type(ssftt)('broken', 'small', 0, ssftt.config, cfg_options={'model.backbone.in_channels': 2}), 'cpu', 1, 2, 1
    )
    assert broken == dict(error='ValueError: a 3-D convolution spans 3 bands, found in_channels = 2')
    args = tool['parse_args'](['suite.py', '--batch-size', '2'])
    text = tool['report']('costs', {'small': [('SSFTT', row), ('broken', broken)]}, args)
    assert '| SSFTT | 30 x 13 x 13 | 0.153 |' in text and '| broken | ValueError: a 3-D convolution' in text
    assert len(tool['picture']('small', [('SSFTT', row), ('broken', broken)]).axes[0].lines) == 1


def test_the_networks_of_a_suite_are_measured_in_processes_and_published(tool, tmp_path, monkeypatch, capsys):
    class Future:
        def __init__(self, value):
            self.result = lambda: value

    class Pool:
        """In the place of processes, whose imports take longer than the measurements."""

        def __init__(self, *args, **kwargs): ...
        def __enter__(self):
            return self

        def __exit__(self, *error): ...
        def submit(self, function, *args):
            return Future(function(*args))

    main = tool['main']
    monkeypatch.setitem(main.__globals__, 'ProcessPoolExecutor', Pool)
    suite = str(ROOT / 'configs/benchmarks/efficiency.py')
    options = ['--batch-size', '2', '--repeats', '1', '--publish', str(tmp_path)]
    assert main([suite, '--only', 'small/spatsigma-t/seed0', *options]) == 0
    assert '| SpatSIGMA-T | 200 x 13 x 13 |' in capsys.readouterr().out
    with (tmp_path / 'efficiency.csv').open() as file:
        (row,) = csv.DictReader(file)
    assert (row['setting'], row['network'], row['error']) == ('small', 'SpatSIGMA-T', '') and float(row['flops']) > 1e6
    assert '![small: inputs per second over operations](efficiency_0.png)' in (tmp_path / 'efficiency.md').read_text()
    assert (tmp_path / 'efficiency_0.png').stat().st_size > 5000
