"""Parts of a runner that several hooks look for."""

from typing import Any

from mmengine.model import is_model_wrapper
from torch import nn


def bare_model(runner) -> nn.Module:
    """The model of a runner, without the wrapper of a distributed run."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def scene_results(runner) -> dict[str, Any]:
    """The results of the last test by the name of the scene or image; of several metrics, those of the first."""
    results: dict = {}
    for metric in runner.test_evaluator.metrics:
        for name, result in getattr(metric, 'scene_results', {}).items():
            results.setdefault(name, result)
    return results
