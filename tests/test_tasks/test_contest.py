"""Classical methods compared with a network: each with its own settings, on the pixels of the network."""

import numpy as np
import pytest
from mmengine.config import Config

from mmhsi.datasets import DetectionScene, Scene, UnmixingScene
from mmhsi.tasks import make_task
from mmhsi.tasks.contest import Outcome, contest_table, run_contest
from mmhsi.tasks.detectors import evaluate_detector
from mmhsi.tasks.pixel_classifiers import evaluate_pixel_classifier
from mmhsi.tasks.unmixers import evaluate_unmixer

H, W, C = 16, 18, 5


@pytest.fixture
def scenes():
    rng = np.random.default_rng(0)
    labels = 1 + (np.arange(H)[:, None] // 6 + np.arange(W) // 7) % 3
    cube = (rng.normal(size=(4, C))[labels] * 2 + rng.normal(size=(H, W, C)) + 20).astype(np.float32)
    shares = rng.dirichlet(np.ones(3), (H, W))
    spectra = rng.uniform(0.1, 1, (3, C))
    mixed = (shares @ spectra * rng.uniform(0.5, 1, (H, W, 1))).astype(np.float32)
    split = dict(type='NumberSplit', train=6, val=5, seed=0)
    return dict(
        classification=dict(
            type='Scene',
            image=cube,
            labels=labels,
            split=split,
            name='field',
            preprocessing=[dict(type='SpectralPCA', n_components=2)],
        ),
        unmixing=dict(
            type='UnmixingScene',
            image=mixed,
            abundances=np.moveaxis(shares, -1, 0),
            endmembers=spectra,
            num_endmembers=3,
            initial_endmembers=dict(type='vca', seed=0),
            name='field',
        ),
        anomaly_detection=dict(
            type='DetectionScene',
            image=np.pad(cube, ((8, 8), (8, 8), (0, 0)), 'reflect'),
            labels=np.pad(labels == 2, 8).astype(int),
            name='field',
            label_codes=dict(background=0, target=1),
        ),
    )


def contest(task, scene, titles=None):
    dataset = dict(type='TileDataset', scene=scene, subset='all')
    return run_contest(make_task(task).classical_test(Config(dict(test_dataloader=dict(dataset=dataset)))), titles)


def test_classifiers_see_what_suits_them(scenes):
    cfg = scenes['classification']
    outcomes = contest('classification', cfg)
    assert list(outcomes) == ['SVM on spectra', 'random forest on spectra', 'SVM on smoothed noise fractions']
    raw = Scene(**{key: value for key, value in cfg.items() if key not in ('type', 'preprocessing')})
    expected = evaluate_pixel_classifier(raw, 'svm', refine=True)
    np.testing.assert_array_equal(outcomes['SVM on spectra'].result.prediction, expected.prediction)
    assert outcomes['SVM on spectra'].scores['OA'] == pytest.approx(expected.scores['OA'])
    assert outcomes['SVM on smoothed noise fractions'].result.settings['smoothing'] in (0.5, 1, 2, 3, 4)
    assert set(contest('classification', cfg, titles=['random forest on spectra'])) == {'random forest on spectra'}


def test_unmixing_has_the_strong_forms(scenes):
    cfg = scenes['unmixing']
    outcomes = contest('unmixing', cfg)
    scene = UnmixingScene(**{key: value for key, value in cfg.items() if key != 'type'})
    assert outcomes['FCLS on norm 1'].scores['aRMSE'] == pytest.approx(
        evaluate_unmixer(scene, 'fcls', unit_norm=True).summary()['aRMSE']
    )
    assert outcomes['FCLS on norm 1'].scores['aRMSE'] < outcomes['FCLS'].scores['aRMSE']


def test_a_method_that_refuses_the_scene_is_told(scenes):
    cfg = dict(
        scenes['anomaly_detection'],
        image=scenes['classification']['image'],
        labels=np.zeros((H, W), int),
        label_codes=dict(background=0, target=1),
    )
    outcomes = contest('anomaly_detection', cfg)
    assert 'window' in outcomes['local_rx'].failure and outcomes['local_rx'].result is None
    whole = contest('anomaly_detection', scenes['anomaly_detection'])
    scene = DetectionScene(**{key: value for key, value in scenes['anomaly_detection'].items() if key != 'type'})
    assert whole['rx'].scores['AUC'] == pytest.approx(evaluate_detector(scene, 'rx').metrics['AUC'])


def test_the_sentence_says_who_is_ahead():
    outcomes = {'A': Outcome(dict(OA=0.8), 1.0), 'B': Outcome(dict(OA=0.9), 2.0), 'C': Outcome({}, 0.0, failure='no')}
    table, sentence = contest_table('net', dict(OA=0.85, AA=0.7), outcomes, 'OA', True)
    assert [row[0] for row in table.rows] == ['B', 'net', 'A', 'C: not run']
    assert sentence.startswith('net is behind the best classical method, B: OA 0.8500 against 0.9000.')
    assert 'simpler method' in sentence
    outcomes = {'A': Outcome(dict(aRMSE=0.1), 1.0), 'B': Outcome(dict(aRMSE=0.2), 2.0)}
    assert contest_table('net', dict(aRMSE=0.05), outcomes, 'aRMSE', False)[1] == (
        'net is ahead of the best classical method, A: aRMSE 0.0500 against 0.1000.'
    )
    assert 'level' in contest_table('net', dict(aRMSE=0.1), outcomes, 'aRMSE', False)[1]
    assert contest_table('net', {}, outcomes, 'aRMSE', False)[1].startswith('No classical method')
