"""Reading what a training logged."""

import json

import numpy as np
import pytest

from mmhsi.analysis.training_log import default_keys, find_log, read_log


def write(path, rows, end=''):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(json.dumps(row) for row in rows) + '\n' + end)
    return path


def epoch_rows():
    """Two logged iterations of each of three epochs of ten iterations, and a validation behind the second epoch."""
    rows = [
        dict(lr=0.1, loss=10.0 - step, time=0.5 if step % 10 else 0.7, epoch=(step - 1) // 10 + 1, iter=step, step=step)
        for step in (5, 10, 15, 20, 25, 30)
    ]
    rows.insert(4, dict(OA=0.5, time=0.1, step=2))
    return rows


def test_curves_run_over_epochs(tmp_path):
    log = read_log(write(tmp_path / 'run' / '20260101_000000' / 'vis_data' / 'scalars.json', epoch_rows()))
    assert log.name == 'run/20260101_000000' and log.unit == 'epoch' and log.iterations_per_epoch == 10
    places, values = log.curve('loss')
    np.testing.assert_allclose(places, [0.5, 1, 1.5, 2, 2.5, 3])
    np.testing.assert_allclose(values, [5, 0, -5, -10, -15, -20])
    np.testing.assert_array_equal(log.curve('OA'), [[2], [0.5]])
    np.testing.assert_array_equal(log.curve('time')[1], [0.5, 0.7] * 3)  # of the training, not of the validation
    assert {epoch: times.tolist() for epoch, times in log.epoch_times().items()} == dict.fromkeys((1, 2, 3), [0.5, 0.7])
    assert log.keys() == dict(training=['lr', 'loss', 'time'], validation=['OA', 'time'])
    assert default_keys([log]) == ['loss', 'OA']


def test_a_run_without_epochs_counts_iterations(tmp_path):
    rows = [
        dict(lr=1, loss=2.0, iter=50, step=50),
        dict(lr=1, loss=1.0, iter=100, step=100),
        dict(kappa=0.3, step=100),
        dict(lr=1, loss=1.5, iter=100, step=100),  # again behind an interruption
    ]
    log = read_log(write(tmp_path / 'scalars.json', rows))
    assert log.unit == 'iteration'
    np.testing.assert_array_equal(log.curve('loss'), [[50, 100], [2, 1.5]])
    np.testing.assert_array_equal(log.curve('kappa'), [[100], [0.3]])


def test_a_work_dir_stands_for_its_newest_training(tmp_path):
    for time in ('20260101_000000', '20260102_000000'):
        write(tmp_path / time / 'vis_data' / 'scalars.json', epoch_rows())
    write(tmp_path / '20260103_000000' / 'vis_data' / 'scalars.json', [dict(OA=0.9, step=0)])  # a test
    assert find_log(tmp_path).parent.parent.name == '20260102_000000'
    assert find_log(tmp_path / '20260101_000000').parent.parent.name == '20260101_000000'


def test_what_is_wrong_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere: there is no such file or folder'):
        read_log(tmp_path / 'nowhere')
    (tmp_path / 'notes.txt').write_text('x')
    with pytest.raises(FileNotFoundError, match=r'expected scalars.json.*the folder holds notes.txt'):
        read_log(tmp_path)
    path = write(tmp_path / 'scalars.json', epoch_rows())
    with pytest.raises(
        ValueError,
        match=r"scalars.json: there is no key 'mIoU'; the log holds of training: lr, loss, "
        'time; of validation: OA, time',
    ):
        read_log(path).curve('mIoU')
    path.write_text('{"lr": 1, "step": 1}\n{"lr": \n{"lr": 1, "step": 2}\n')
    with pytest.raises(ValueError, match='scalars.json: line 2 is no JSON'):
        read_log(path)
    path.write_text('')
    with pytest.raises(ValueError, match='no line has the step'):
        read_log(path)


def test_the_cut_last_line_of_a_killed_run_is_left_out(tmp_path):
    log = read_log(write(tmp_path / 'scalars.json', epoch_rows(), '{"lr": 0.'))
    assert len(log.training) == 6


@pytest.mark.parametrize(
    'line, message',
    [
        ('{"lr": 1, "iter": 1, "epoch": 1e-320, "step": 1}', 'line 2: epoch is .*, expected a count'),
        ('{"lr": 1, "iter": 1, "epoch": NaN, "step": 1}', 'line 2: epoch is nan, expected a count'),
        ('{"lr": 1, "step": Infinity}', 'line 2: step is inf, expected a count'),
        ('{"lr": 1, "iter": -1, "step": 1}', 'line 2: iter is -1, expected a count'),
        ('{"lr": 1, "step": 1, "loss": 1' + '0' * 400 + '}', 'line 2: loss is larger than any number'),
        ('[' * 100_000, 'line 2 is no JSON .*nested too deeply'),
        ('{"lr": 1' + '0' * 5000 + '}', 'line 2 is no JSON'),
    ],
)
def test_numbers_that_cannot_be_are_told(tmp_path, line, message):
    rows = epoch_rows()
    path = tmp_path / 'scalars.json'
    path.write_text(f'{json.dumps(rows[0])}\n{line}\n{json.dumps(rows[1])}\n')
    with pytest.raises(ValueError, match=f'scalars.json: {message}'):
        read_log(path)
