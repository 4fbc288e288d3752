"""Scenes of a set below each other: values, subsets and masks are those of the scenes, and nothing reaches across."""

import numpy as np
import pytest

from mmhsi.datasets.scenes.scene_stack import stack_scenes
from mmhsi.datasets.scenes.shared_scenes import get_scenes
from mmhsi.evaluation.refinement import scene_laplacian


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('tiles')
    rng = np.random.default_rng(0)
    images, labels = [], []
    for number, shape in enumerate(((9, 12), (7, 10))):
        cube = rng.normal(size=(*shape, 5)).astype(np.float32)
        cube[2, 3] = np.nan
        images.append(str(folder / f'{number}.npy'))
        labels.append(str(folder / f'{number}_gt.npy'))
        np.save(images[-1], cube)
        np.save(labels[-1], rng.integers(0, 4, shape))
    return get_scenes(
        dict(
            image=images,
            labels=labels,
            split=dict(type='NumberSplit', train=5, val=3, seed=0),
            preprocessing=[dict(type='SelectBands', bands=[(0, 4)]), dict(type='SpectralPCA', n_components=2)],
        )
    )


def test_a_stack_holds_its_scenes(scenes):
    stack = stack_scenes(scenes)
    assert stack.width == 12 and stack.view.tops == [0, 73] and stack.height == 80
    values, raw = (read(0, 0, 80, 12) for read in (stack.window, stack.view.raw_window))
    for top, scene in zip(stack.view.tops, scenes, strict=True):
        place = np.s_[top : top + scene.height, : scene.width]
        np.testing.assert_array_equal(values[place], scene.window(0, 0, scene.height, scene.width))
        np.testing.assert_array_equal(stack.valid[place], scene.valid)
        np.testing.assert_array_equal(stack.labels[place], scene.labels)
    assert not values[9:73].any() and not stack.valid[9:73].any() and not stack.valid[73:, 10:].any()
    np.testing.assert_array_equal(stack.window(5, 2, 70, 4), values[5:75, 2:6])
    assert stack.subset('all').size == sum(scene.valid.sum() for scene in scenes) == 9 * 12 + 7 * 10 - 2
    for name in ('train', 'val', 'test', 'all'):
        pixels = stack.subset(name)
        np.testing.assert_array_equal(stack.pixels(pixels), values.reshape(-1, 2)[pixels])
        np.testing.assert_array_equal(stack.raw_pixels(pixels), raw.reshape(-1, raw.shape[-1])[pixels])
    assert len(stack.split.train) == sum(len(scene.split.train) for scene in scenes) == 15


def test_no_edge_leads_from_one_scene_to_another(scenes):
    stack = stack_scenes(scenes)
    rows = np.argwhere(stack.valid)[:, 0]
    graph = scene_laplacian(stack).tocoo()
    assert ((rows[graph.row] < 40) == (rows[graph.col] < 40)).all()
