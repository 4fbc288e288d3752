"""Filters of a data preprocessor that are applied before windows are cut out."""

import copy

import numpy as np
import torch
from mmcv.transforms import RandomFlip
from mmengine.hooks import Hook

from mmhsi.datasets.transforms.loading import LoadSceneWindow
from mmhsi.datasets.window_dataset import WindowDataset
from mmhsi.engine.runner_parts import bare_model
from mmhsi.registry import HOOKS


@HOOKS.register_module()
class WindowFilterHook(Hook):
    """Let window datasets return filtered windows, if this gives the same as filtering each one.

    The Gaussian means of :class:`mmhsi.models.HSIDataPreprocessor` are linear and the same everywhere. Without this
    hook, every window of 23 x 23 pixels is cut out and filtered separately, again in every epoch. Nothing changes for
    datasets with transforms that do more than turn and mirror (``only_turns``), whose order matters.
    """

    priority = 'HIGH'  # before the first batch is loaded

    def before_train(self, runner) -> None:
        """Training and validation windows."""
        self._filter(runner, runner.train_dataloader)

    def before_val(self, runner) -> None:
        """Validation windows."""
        self._filter(runner, runner.val_dataloader)

    def before_test(self, runner) -> None:
        """Test windows."""
        self._filter(runner, runner.test_dataloader)

    @staticmethod
    def _filter(runner, loader) -> None:
        model = bare_model(runner)
        preprocessor = model.data_preprocessor
        dataset = loader.dataset
        if (
            type(dataset) is not WindowDataset
            or dataset.filtered
            or not getattr(preprocessor, 'filters_windows', False)
        ):
            return
        from mmpretrain.datasets import PackInputs  # loads the datasets of mmpretrain

        window, size = dataset.window_size, preprocessor.smooth.size
        first, *steps = dataset.pipeline.transforms
        turns = [step for step in steps if not isinstance(step, PackInputs)]
        if (
            preprocessor.num_bands is None
            or window <= size
            # a flip moves the middle; of a single pixel it leaves strides that torch refuses
            or (turns and ((window - size) % 2 or size == 1))
            or type(first) is not LoadSceneWindow
            or first.jitter
            or not all(getattr(step, 'only_turns', isinstance(step, RandomFlip)) for step in turns)
        ):
            return
        twin = copy.deepcopy(preprocessor).cpu()

        def filtered(area: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                windows = twin.of_windows(torch.from_numpy(np.ascontiguousarray(area.transpose(2, 0, 1))), window)
                return windows.permute(0, 1, 3, 4, 2).contiguous().numpy()

        dataset.filter_windows(filtered)
        preprocessor.takes_filtered = True
