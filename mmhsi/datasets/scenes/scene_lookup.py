"""Finding the scenes behind the datasets of a runner."""

from collections.abc import Iterable


def find_scenes(dataset) -> list:
    """Collect the scenes of a dataset, including wrapped and concatenated ones.

    Args:
        dataset (Dataset): A dataset with the attribute ``scene`` or ``scenes``, or a wrapper with ``dataset`` or
            ``datasets``.

    Returns:
        list[Scene]: The scenes, each once; empty for datasets without any.
    """
    if hasattr(dataset, 'scenes'):
        return unique(dataset.scenes)
    scene = getattr(dataset, 'scene', None)
    if scene is not None:
        return [scene]
    parts = getattr(dataset, 'datasets', None)
    if parts is None:
        parts = [dataset.dataset] if hasattr(dataset, 'dataset') else []
    return unique(scene for part in parts for scene in find_scenes(part))


def unique(scenes: Iterable) -> list:
    """Drop repeated scene objects and keep the order."""
    return list({id(scene): scene for scene in scenes}.values())


def loop_scenes(*loops) -> list:
    """Collect the scenes of the loops that are already built; a config is skipped.

    Args:
        *loops (BaseLoop or dict, optional): ``runner._train_loop`` and the like. Asking the runner for its loop or
            data loader would build them.

    Returns:
        list[Scene]: The scenes, each once.
    """
    from mmengine.runner import BaseLoop  # imports torch, which the search itself does not need

    datasets = [loop.dataloader.dataset for loop in loops if isinstance(loop, BaseLoop)]
    return unique(scene for dataset in datasets for scene in find_scenes(dataset))
