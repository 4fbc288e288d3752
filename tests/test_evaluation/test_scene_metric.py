import json

import numpy as np
import pytest
import torch
import torch.multiprocessing
from scene_metric_samples import evaluate_in_process, process_cases

from mmhsi.evaluation.functional.scene_maps import stitch_scores


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
    tiles = {(0, 0): np.full((2, 3, 1), 2.), (0, 2): np.full((2, 3, 1), 5.)}
    averaged = stitch_scores(tiles, (3, 6), 1, 'average')[..., 0]
    np.testing.assert_array_equal(averaged, [[2, 2, 3.5, 5, 5, np.nan]] * 2 + [[np.nan] * 6])
    overwritten = stitch_scores(tiles, (3, 6), 1)[..., 0]
    np.testing.assert_array_equal(overwritten, [[2, 2, 5, 5, 5, np.nan]] * 2 + [[np.nan] * 6])


def test_overwriting_tiles_leave_out_half_of_the_overlap():
    tiles = {(0, 0): np.full((1, 6, 1), 2.), (0, 2): np.full((1, 6, 1), 5.)}
    np.testing.assert_array_equal(stitch_scores(tiles, (1, 8), 4)[0, :, 0], [2, 2, 2, 2, 5, 5, 5, 5])
