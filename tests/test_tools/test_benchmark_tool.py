"""tools/benchmark/run.py from the suite to the report: what is finished stays, what fails is shown."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from config_runs import look_alikes

from mmhsi.datasets.scenes.shared_scenes import get_scene

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / 'configs/benchmarks'
SUITE = f"""
_base_ = '{FOLDER / "smoke.py"}'
folder = '{ROOT / "configs/classification"}/'
contestants = [
    dict(_base_.contestants[1], config=folder + 'cnn-3d_cls_indian-pines.py'),
    dict(name='forest', method='forest', config=folder + 'cnn-3d_cls_indian-pines.py', options=dict(seed='{{seed}}')),
    dict(name='broken', config=folder + 'cnn-3d_cls_indian-pines.py', cfg_options={{'model.backbone.img_size': 4}},
         settings=['strict fit']),
]
seeds = (3, )
"""


@pytest.fixture(scope='module')
def main():
    return runpy.run_path(str(ROOT / 'tools/benchmark/run.py'))['main']


@pytest.fixture(scope='module')
def finished(main, tmp_path_factory):
    """Suite, its work dir after a run, the lines that were printed, and the code that the tool returned."""
    folder = tmp_path_factory.mktemp('benchmark')
    patch = pytest.MonkeyPatch()
    patch.setenv('MMHSI_DATA', str(look_alikes(folder / 'data', ['indian_pines'])))
    path = folder / 'suite.py'
    path.write_text(SUITE)
    code = main([str(path), '--work-dir', str(folder / 'work'), '--jobs', '2'])
    yield path, folder / 'work', code
    patch.undo()


def read(work: Path, name: str) -> dict:
    return json.loads((work / name / 'cell.json').read_text())


def test_network_and_classical_method_are_run_on_the_same_split(finished):
    _, work, code = finished
    network, forest = read(work, 'random/3-d-cnn/seed3'), read(work, 'random/forest/seed3')
    assert code == 1  # a cell has failed
    assert network['status'] == forest['status'] == 'done'
    assert set(network['scores']) == {'OA', 'AA', 'kappa'} and 0 <= network['scores']['OA'] <= 1
    assert network['split'] == forest['split'] and network['split']['train'] == 3 * 16
    assert network['parameters'] > 10_000 and network['flops'] > 100_000 and forest['parameters'] is None
    assert network['tested_state'] == 'best_OA_epoch_1' and network['peak_memory']['memory'] > 100
    assert forest['chosen'] == dict(estimator='forest', seed=3) and forest['versions']['mmengine']
    assert not list(work.rglob('*.pth'))
    with np.load(work / 'random/forest/seed3/maps.npz') as maps:
        assert len(maps['pixels']) == forest['split']['test']
        assert maps['correct'].mean() == pytest.approx(forest['scores']['OA'])


def test_a_failure_is_shown_and_stops_nothing(finished):
    _, work, _ = finished
    broken = read(work, 'strict-fit/broken/seed3')
    assert broken['status'] == 'failed' and broken['error'] == 'ended with code 1'
    assert 'leave nothing of windows of 4 x 4 pixels' in broken['last_lines'][-1]
    text = (work / 'report.md').read_text()
    assert '| broken | 0, 1 failed | failed |' in text and 'leave nothing of windows' in text
    assert read(work, 'strict-fit/3-d-cnn/seed3')['status'] == 'done' and 'leakage' in text


def test_finished_cells_are_not_run_again_but_changed_ones_are(main, finished, capsys):
    path, work, _ = finished
    first = read(work, 'random/forest/seed3')
    assert main([str(path), '--work-dir', str(work), '--only', 'forest', '3-d-cnn']) == 0
    assert '4 of 4 cells are finished, 0 are to run' in capsys.readouterr().out
    assert read(work, 'random/forest/seed3') == first
    main([str(path), '--work-dir', str(work), '--dry-run'])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith('to run')] == ['to run    strict-fit/broken/seed3']
    path.write_text(path.read_text().replace("seed='{seed}'", 'seed=4'))
    main([str(path), '--work-dir', str(work), '--dry-run', '--only', 'random/*'])
    assert capsys.readouterr().out.splitlines() == [
        'finished  random/3-d-cnn/seed3', 'to run    random/forest/seed3']
    assert main([str(path), '--work-dir', str(work), '--only', 'random/forest/seed3', '--timeout', '0.01']) == 1
    assert 'FAILED, ended after 0.01 s' in capsys.readouterr().out
    assert main([str(path), '--work-dir', str(work), '--only', 'random/forest/seed3']) == 0
    assert read(work, 'random/forest/seed3')['chosen']['seed'] == 4


def test_strict_fit_sees_no_test_pixel(finished):
    from mmhsi.comparison import load_suite

    cells = {cell.name: cell for cell in load_suite(finished[0]).cells}
    scene = get_scene(cells['strict-fit/3-d-cnn/seed3'].build_config().train_dataloader.dataset.scene)
    held_out = np.concatenate([scene.split.val, scene.split.test])
    assert not np.intersect1d(scene.fit_indices(), held_out).size and len(scene.fit_indices()) > 200
    customary = get_scene(cells['random/3-d-cnn/seed3'].build_config().train_dataloader.dataset.scene)
    np.testing.assert_array_equal(customary.split.test, scene.split.test)
    assert np.isin(held_out, customary.fit_indices()).all()


def test_tables_are_published(main, finished, tmp_path, monkeypatch):
    path, folder = finished[:2]
    (folder / 'suite_random_labels.png').write_bytes(b'a plot over the labels')
    main([str(path), '--work-dir', str(folder), '--report-only', '--publish', str(tmp_path / 'docs')])
    assert (tmp_path / 'docs' / 'suite_random_labels.png').read_bytes() == b'a plot over the labels'
    published = (tmp_path / 'docs' / 'suite.md').read_text()
    assert published == (folder / 'report.md').read_text() and '| broken |' in published
    runs = (tmp_path / 'docs' / 'suite_runs.csv').read_text()
    assert runs == (folder / 'runs.csv').read_text() and 'strict fit,broken,3,failed,' in runs
