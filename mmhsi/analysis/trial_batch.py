"""Trial batches for the network of any config: random numbers, or samples of its data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData
from torch import Tensor, nn

from mmhsi.datasets.transforms.chain import SpectralChain
from mmhsi.inference.model import init_model
from mmhsi.inference.plan import Plan, make_plan
from mmhsi.models.selfsup import MaskedAutoencoder
from mmhsi.registry import DATASETS
from mmhsi.structures import RestorationDataSample
from mmhsi.tasks.networks import Network, Positions
from mmhsi.utils.device import usable_device
from mmhsi.utils.text import config_name

_TILE_NAMES = ('tile_size', 'crop_size', 'window_size', 'img_size')


class Autoencoded(Network):
    """The predicted tokens (B, N, D) of a masked autoencoder, three quarters of the tokens masked as in training."""

    def run(self, inputs: Tensor, positions: Positions) -> Tensor:
        return self.model.autoencode(inputs).pred


class TrialModel:
    """The model of a config with everything needed to run it on a batch without its data.

    Args:
        config (str | Path | Config): Config file or config of any task.
        model (nn.Module, optional): Its model, if it is already built. Defaults to None.
        device (str | torch.device, optional): Defaults to an accelerator if there is one.
        shape (Sequence[int], optional): (C, H, W) of one input; for (H, W) the channels come from the config. Defaults
            to the windows or tiles of the config's test, of pre-training to its tiles; C is the number of bands after
            the preprocessing, of both dates together.

    Attributes:
        model (nn.Module): The model.
        cfg (Config): The config.
        shape (tuple[int, int, int]): (C, H, W).
        network (Network): The function that inference runs, see :class:`mmhsi.tasks.networks.Network`.

    Raises:
        ValueError: If the config does not define the shape of an input, or ``shape`` is invalid.
    """

    def __init__(
        self,
        config: str | Path | Config,
        model: nn.Module | None = None,
        device: str | torch.device | None = None,
        shape: Sequence[int] | None = None,
    ):
        if model is None:
            model = init_model(config, device=device)
        elif device is not None:
            model = model.to(usable_device(device))
        self.model = model
        self.cfg = Config.fromfile(config) if isinstance(config, str | Path) else config
        self.plan: Plan | None = None if isinstance(model, MaskedAutoencoder) else make_plan(self.cfg, model)
        self.shape = self._input_shape(shape)
        self.network: Network = Autoencoded(model)
        if self.plan is not None:
            meta = {'target_spectrum': torch.rand(self._spectrum_length).numpy()} if self._spectrum_length else None
            self.network = self.plan.make_task().network(model, self.plan.window is not None, meta)

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return next(self.model.parameters()).device

    @property
    def _spectrum_length(self) -> int:
        """Number of bands of the target spectrum of the head; 0 without one."""
        head = getattr(self.model, 'decode_head', None)
        return getattr(head, 'num_bands', 0) if hasattr(head, 'target_branch') else 0

    def _input_shape(self, shape: Sequence[int] | None) -> tuple[int, int, int]:
        given = tuple(shape or ())
        if len(given) not in (0, 2, 3) or any(not isinstance(side, int) or side < 1 for side in given):
            raise ValueError(f'shape must be (height, width) or (channels, height, width), found {given}')
        if len(given) == 3:
            return given
        return (self._channels(), *(given or self._size()))

    def _channels(self) -> int:
        expected = getattr(self.model.data_preprocessor, 'num_bands', None)
        if expected is not None:
            return expected
        bands, steps, dates = None, (), 1
        if self.plan is not None:
            bands, dates = self.plan.scene.get('num_bands'), 1 + self.plan.pairs
            steps = [*self.plan.scene.get('preprocessing', ()), *self.plan.pipeline()[1]]
        if bands is not None:
            try:
                return dates * SpectralChain(steps).bind(bands, None)[0]
            except ValueError:  # bands that depend on the wavelengths of the file
                pass
        if self.cfg.get('num_bands') is None:
            raise ValueError(
                f'{config_name(self.cfg)} does not define the number of bands of an input; give the '
                'shape (channels, height, '
                'width)'
            )
        return dates * self.cfg.num_bands

    def _size(self) -> tuple[int, int]:
        if self.plan is not None:
            return (self.plan.window, self.plan.window) if self.plan.grid is None else self.plan.grid.size
        for name in _TILE_NAMES:
            if self.cfg.get(name) is not None:
                return (self.cfg[name], self.cfg[name])
        raise ValueError(
            f'{config_name(self.cfg)} has none of {", ".join(_TILE_NAMES)}, the size of an '
            'input; give the shape (channels, height, width)'
        )

    def inputs(self, batch_size: int = 1) -> Tensor:
        """Random inputs (B, C, H, W) in [0, 1) for the network, with the margin that it needs around each."""
        channels, height, width = self.shape
        margin = 2 * self.network.margin
        return torch.rand(batch_size, channels, height + margin, width + margin)

    def batch(self, batch_size: int = 1) -> dict[str, Any]:
        """A batch for ``model.train_step``: random 'inputs' and 'data_samples' with random labels or true images.

        The labels of windows and pixels are drawn from the classes of the head.
        """
        inputs = torch.rand(batch_size, *self.shape)
        return dict(inputs=list(inputs), data_samples=self._samples(inputs))

    def _samples(self, inputs: Tensor) -> list:
        count, _, height, width = inputs.shape
        if self.plan is None or self.plan.task.name == 'unmixing':
            from mmpretrain.structures import DataSample

            return [DataSample() for _ in range(count)]
        if self.plan.task.degrades:
            with torch.no_grad():
                truth = self.model.eval().generator(inputs.to(self.device)).float().cpu()
            return [RestorationDataSample(gt_img=image) for image in torch.rand_like(truth)]
        if self.plan.window is not None:
            from mmpretrain.structures import DataSample

            return [DataSample().set_gt_label(index % self.model.head.num_classes) for index in range(count)]
        from mmseg.structures import SegDataSample

        labels = torch.randint(0, max(self.model.decode_head.num_classes, 2), (count, 1, height, width))
        meta = dict(ori_shape=(height, width), img_shape=(height, width), pad_shape=(height, width))
        if self._spectrum_length:
            meta['target_spectrum'] = torch.rand(self._spectrum_length).numpy()
        return [SegDataSample(gt_sem_seg=PixelData(data=label), metainfo=meta) for label in labels]

    def loaded_batch(self, batch_size: int = 1, part: str = 'train') -> dict[str, Any]:
        """A batch of the first samples of the config's own data.

        Args:
            batch_size (int): Number of samples; they repeat if there are fewer. Defaults to 1.
            part (str): 'train', 'val' or 'test'. Defaults to 'train'.

        Raises:
            ValueError: If the config has no such data.
            FileNotFoundError: If its files do not exist.
        """
        loader = self.cfg.get(f'{part}_dataloader')
        if not loader:
            raise ValueError(f'{config_name(self.cfg)} has no {part}_dataloader')
        dataset = DATASETS.build(loader.dataset)
        if hasattr(dataset, 'full_init'):
            dataset.full_init()
        samples = [dataset[index % len(dataset)] for index in range(min(batch_size, len(dataset)))]
        return pseudo_collate([samples[index % len(samples)] for index in range(batch_size)])
