import json

import numpy as np
import pytest
import torch
import torch.multiprocessing
from scene_metric_samples import evaluate_in_process, process_cases

from mmhsi.evaluation.metrics import SceneClassificationMetric, SceneDetectionMetric


@pytest.fixture(scope='module')
def exchanged(tmp_path_factory):
    """The folder in which two processes left their metrics and maps."""
    folder = tmp_path_factory.mktemp('processes')
    torch.multiprocessing.spawn(evaluate_in_process, (2, str(folder)), nprocs=2)
    return folder


@pytest.mark.parametrize('name', process_cases())
def test_two_processes_give_what_one_gives(exchanged, name):
    samples, run, key = process_cases()[name]
    wanted, metric = run(samples)
    for rank in range(2):
        assert json.loads((exchanged / f'{name}_{rank}.json').read_text()) == wanted
    np.testing.assert_array_equal(np.load(exchanged / f'{name}.npy'), getattr(metric.scene_results['scene'], key))


def test_scores_are_averaged_where_tiles_overlap_and_missing_where_there_is_none():
    tiles = {(0, 0): np.full((2, 3, 1), 2.0), (0, 2): np.full((2, 3, 1), 5.0)}
    averaged = SceneDetectionMetric(stitch='average').stitch(tiles, (3, 6), 1)[..., 0]
    np.testing.assert_array_equal(averaged, [[2, 2, 3.5, 5, 5, np.nan]] * 2 + [[np.nan] * 6])
    overwritten = SceneDetectionMetric().stitch(tiles, (3, 6), 1)[..., 0]
    np.testing.assert_array_equal(overwritten, [[2, 2, 5, 5, 5, np.nan]] * 2 + [[np.nan] * 6])
    labels = {place: tile[..., 0].astype(np.uint8) for place, tile in tiles.items()}
    found = SceneClassificationMetric().stitch(labels, (3, 6), 1)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, [[2, 2, 5, 5, 5, 255]] * 2 + [[255] * 6])


def test_labels_are_not_averaged():
    with pytest.raises(ValueError, match=r"stitch must be one of \('overwrite',\), found 'average'"):
        SceneClassificationMetric(stitch='average')
