from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.runner import BaseLoop
from torch import nn

from mmhsi.datasets import CropDataset, Scene
from mmhsi.engine import SubspaceInitHook
from mmhsi.models import RestorationHead

H, W, C, E = 12, 10, 6, 4


class Loop(BaseLoop):
    """A loop that only knows its dataset."""

    def __init__(self, dataset):
        self._runner, self.dataloader = None, SimpleNamespace(dataset=dataset)

    def run(self):
        """Nothing is run."""


def make_runner(head: nn.Module | None = None, dataset=None, iteration: int = 0, load_from: str | None = None):
    """What the hook sees of a runner; the last rows of the scene are not for training, one pixel holds no data."""
    rng = np.random.default_rng(0)
    cube = (rng.random((H, W, 2)) @ rng.random((2, C)) + 1).astype(np.float32)
    cube[3, 3, 0] = np.nan
    cube[8:] = 100 * rng.random((H - 8, W, C))
    scene = Scene(cube, name='place', split=dict(type='mmhsi.AreaSplit', train=[(0, 0, 8, W)]))
    torch.manual_seed(0)
    head = RestorationHead(C, E, width=2) if head is None else head
    model = SimpleNamespace(generator=SimpleNamespace(head=head))
    loop = Loop(CropDataset(scene, crop_size=4) if dataset is None else dataset)
    runner = SimpleNamespace(
        iter=iteration, _load_from=load_from, model=model, _train_loop=loop, logger=MMLogger.get_current_instance()
    )
    return runner, head, cube


def test_the_head_projects_on_the_components_of_the_training_pixels():
    runner, head, cube = make_runner()
    SubspaceInitHook().before_train(runner)
    # the clean spectra lie in a plane: what leaves it is taken away, what lies in it stays
    pixels = torch.from_numpy(np.delete(cube[:8].reshape(-1, C), 3 * W + 3, axis=0))
    _, _, right = torch.linalg.svd(pixels - pixels.mean(0))
    image = pixels[:64].T.reshape(1, C, 8, 8)
    off_plane = image + 0.5 * right[2].reshape(1, C, 1, 1)
    none = torch.zeros(1, E, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(head(none, image), image, atol=1e-4, rtol=0)
        torch.testing.assert_close(head(none, off_plane), image, atol=1e-4, rtol=0)
        features = torch.randn(1, E, 8, 8, generator=torch.Generator().manual_seed(0))
        assert 0 < (head(features, image) - image).abs().max() < 0.2, 'features count, but little'


def test_directions_without_variance_are_left_out():
    projected = []
    for width in (2, 4):
        runner, head, cube = make_runner(RestorationHead(C, E, width=width))
        SubspaceInitHook().before_train(runner)
        with torch.no_grad():
            projected.append(
                head(
                    torch.zeros(1, E, 8, W),
                    torch.from_numpy(cube[8:12].reshape(1, 4, W, C)).permute(0, 3, 1, 2).repeat(1, 1, 2, 1),
                )
            )
    torch.testing.assert_close(*projected, atol=1e-4, rtol=1e-4)


def test_a_sample_of_the_pixels_is_always_the_same():
    heads = []
    for _ in range(2):
        runner, head, _ = make_runner()
        SubspaceInitHook(pixels=20).before_train(runner)
        heads.append(head.tail.weight.clone())
    torch.testing.assert_close(*heads, atol=0, rtol=0)


@pytest.mark.parametrize('options', [dict(iteration=5), dict(load_from='weights.pth')])
def test_weights_that_are_there_stay(options):
    runner, head, _ = make_runner(**options)
    before = head.tail.weight.clone()
    SubspaceInitHook().before_train(runner)
    torch.testing.assert_close(head.tail.weight, before, atol=0, rtol=0)


def test_what_cannot_be_started_is_named():
    with pytest.raises(ValueError, match='needs a model whose generator has a RestorationHead, found .* with Conv2d'):
        SubspaceInitHook().before_train(make_runner(nn.Conv2d(1, 1, 1))[0])
    with pytest.raises(ValueError, match='the training dataset has none'):
        SubspaceInitHook().before_train(make_runner(dataset=[1, 2])[0])
    with pytest.raises(ValueError, match=r'a head of 5 bands and width 2 cannot start from a mean of shape \(6,\)'):
        SubspaceInitHook().before_train(make_runner(RestorationHead(5, E, width=2))[0])


def test_a_wide_head_is_that_of_the_reference():
    assert RestorationHead(C, E).tail.weight.shape == (C, C, 3, 3)
    narrow = RestorationHead(C, E, width=2)
    assert (narrow.fusion.weight.shape, narrow.tail.weight.shape) == ((2, C + E, 3, 3), (C, 2, 3, 3))
