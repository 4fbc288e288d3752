"""A ninth task is one file: the one below, as a user writes it, in addition to those of mmhsi."""

import numpy as np
from inference_cases import config, save_checkpoint, segmentor, toy_cube

from mmhsi.apis import HSIInferencer
from mmhsi.datasets import Scene
from mmhsi.registry import TASK_UTILS, TASKS
from mmhsi.tasks import Layer, Product, Task, task_name
from mmhsi.tasks.networks import Segmentor
from mmhsi.visualization.heat_map import heat_map_figure


@TASK_UTILS.register_module(force=True)
class MoistureScene(Scene):
    """A scene whose pixels have a water content."""

    task = 'moisture'


@TASKS.register_module(name='moisture', force=True)
class Moisture(Task):
    """Water content of each pixel, the sum of the outputs of a segmentor."""

    name = 'moisture'
    result = float

    def network(self, model, windows, meta=None):
        return Segmentor(model)

    def prepare(self, cfg, meta, network, view):
        self.classes = ('water content',)
        self.layers = {'moisture': Layer(1)}

    def finish(self, values):
        return {'moisture': values.sum(axis=0, keepdims=True)}

    def figures(self, product: Product):
        return {'moisture': heat_map_figure(product.thinned('moisture')[0], product.name)}


class DrySeasonScene(MoistureScene):
    """A user's subclass, which inherits the task."""


TASK_UTILS.register_module(module=DrySeasonScene, force=True)


def test_scene_of_a_new_task_is_predicted(tmp_path):
    cfg = config(segmentor(), dict(type='DrySeasonScene'), tile_size=16, overlap=8)
    assert task_name(cfg) == 'moisture'
    weights = save_checkpoint(tmp_path / 'toy.pth', cfg)
    inferencer = HSIInferencer(cfg, weights, device='cpu', show_progress=False)
    cube = toy_cube(20, 18)
    (result,) = inferencer(cube, tmp_path / 'out')['predictions']
    assert result['task'] == 'moisture' and result['moisture'].shape == (20, 18)
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == [
        'scene_false_colour.png',
        'scene_moisture.png',
        'scene_moisture.tif',
        'scene_prediction.json',
    ]
    cfg.task = 'classification'  # the same network and scene; the config has the last word
    scores = HSIInferencer(cfg, weights, device='cpu', show_progress=False)(cube, scores=True)['predictions'][0]
    assert np.isfinite(result['moisture']).all() and scores['scores'].shape == (3, 20, 18)


def test_subclass_of_a_pair_is_still_a_pair():
    from mmhsi.datasets import PairScene

    class SeasonPair(PairScene):
        pass

    TASK_UTILS.register_module(module=SeasonPair, force=True)
    assert task_name(config(segmentor(12, 2), dict(type='SeasonPair'), tile_size=16)) == 'change_detection'
