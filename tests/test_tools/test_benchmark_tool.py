"""tools/benchmark/run.py from the suite to the report: what is finished stays, what fails is shown."""

import json
import os
import runpy
from pathlib import Path

import numpy as np
import pytest
from config_runs import look_alikes

from mmhsi.datasets.scenes.shared_scenes import get_scene

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / 'configs/benchmarks'
SUITE = f"""
_base_ = '{FOLDER / 'smoke.py'}'
folder = '{ROOT / 'configs/classification'}/'
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
    assert capsys.readouterr().out.splitlines() == ['finished  random/3-d-cnn/seed3', 'to run    random/forest/seed3']
    assert main([str(path), '--work-dir', str(work), '--only', 'random/forest/seed3', '--timeout', '0.01']) == 1
    assert 'FAILED, ended after 0.01 s' in capsys.readouterr().out
    assert main([str(path), '--work-dir', str(work), '--only', 'random/forest/seed3']) == 0
    assert read(work, 'random/forest/seed3')['chosen']['seed'] == 4


def test_cells_of_files_that_were_changed_in_place_are_not_finished(main, finished, capsys):
    path, work, _ = finished
    labels = path.parent / 'data/indian_pines/Indian_pines_gt.mat'
    told = read(work, 'random/3-d-cnn/seed3')
    assert str(labels) in told['inputs'] and len(told['code']) == 32
    command = [str(path), '--work-dir', str(work), '--dry-run', '--only', 'random/3*']
    content, status = labels.read_bytes(), labels.stat()
    try:
        with labels.open('r+b') as file:
            file.seek(len(content) - 1)
            file.write(bytes([content[-1] ^ 1]))
        os.utime(labels, ns=(status.st_atime_ns, status.st_mtime_ns))  # size and time are as before
        assert main(command) == 0 and capsys.readouterr().out == 'to run    random/3-d-cnn/seed3\n'
        main([str(path), '--work-dir', str(work), '--report-only'])
        assert f'- {labels} changed since: all of them' in (work / 'report.md').read_text()
    finally:
        labels.write_bytes(content)
    assert main(command) == 0 and capsys.readouterr().out.endswith('finished  random/3-d-cnn/seed3\n')


def test_cells_of_other_versions_or_code_are_marked(main, finished, capsys):
    path, work, _ = finished
    record = work / 'random/3-d-cnn/seed3/cell.json'
    content = record.read_text()
    told = json.loads(content)
    told['versions']['torch'] = '1.0'
    record.write_text(json.dumps(dict(told, code='0' * 32)))
    try:
        main([str(path), '--work-dir', str(work), '--only', 'random/3*'])
        assert '1 of the finished ones were made with other versions or code' in capsys.readouterr().out
        text = (work / 'report.md').read_text()
        assert '- other versions: torch 1.0, now 2' in text
        assert '- another version of the mmhsi code: random, 3-D CNN, seed 3' in text
        record.write_text(json.dumps({name: value for name, value in told.items() if name != 'inputs'}))
        main([str(path), '--work-dir', str(work), '--report-only'])
        assert '- it does not list the files that it was made from: ' in (work / 'report.md').read_text()
    finally:
        record.write_text(content)


@pytest.mark.parametrize(
    'foreign',
    [
        '[1, 2]',
        '{"status": "done"}',
        '{"status": "done", "hash": 3}',
        '{"a": 1}',
        'x',
        '{"status": "failed", "error": 1, "last_lines": 3}',
        '\x00',
        '{"status": []}',
        '[' * 100_000,
        '{"status": "done", "hash": "x", "scores": {"OA": "1"}, "train_seconds": 1, "peak_memory": {}, "device": "x"}',
        '{"status": "failed", "error": "x", "last_lines": [3]}',
    ],
)
def test_a_foreign_record_is_a_sentence(main, finished, capsys, foreign):
    path, work, _ = finished
    record = work / 'random/3-d-cnn/seed3/cell.json'
    content = record.read_text()
    record.write_text(foreign)
    try:
        assert main([str(path), '--work-dir', str(work), '--dry-run', '--only', 'random/3*']) == 0
        assert capsys.readouterr().out == 'to run    random/3-d-cnn/seed3\n'
        assert main([str(path), '--work-dir', str(work), '--report-only']) == 0
        assert f'- {record}: this is not the record of a cell' in (work / 'report.md').read_text()
    finally:
        record.write_text(content)


def test_what_cannot_be_begun_is_a_sentence(main, finished, tmp_path, capsys):
    path, work, _ = finished
    (tmp_path / 'file').touch()
    for arguments, message in (
        (['--only', 'nothing'], "no cell matches 'nothing'; there are cells such as"),
        (['--work-dir', str(tmp_path / 'file/work')], 'the folder cannot be written: Not a dir'),
        (['--report-only', '--work-dir', str(tmp_path / 'file')], 'cannot be written'),
    ):
        assert main([str(path), '--work-dir', str(work), *arguments]) == 2
        assert message in capsys.readouterr().err
    assert main([str(tmp_path / 'none.py')]) == 2 and 'none.py: no such suite' in capsys.readouterr().err


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
