"""Networks as files that run without mmhsi: ONNX, or a program of ``torch.export``, with the fitted preprocessing."""

from __future__ import annotations

import importlib.util
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.utils import digit_version
from torch import Tensor, nn

import mmhsi
from mmhsi.datasets.transforms.chain import SpectralChain
from mmhsi.datasets.transforms.percentile import PercentileScale
from mmhsi.datasets.transforms.spectral import (
    MinMaxScale,
    ScaleValues,
    SelectBands,
    SpectralComponents,
    SpectralTransform,
    Standardize,
)
from mmhsi.inference.inferencer import HSIInferencer
from mmhsi.inference.plan import Plan
from mmhsi.inference.run_scene import try_network
from mmhsi.inference.training_state import fitted_state, training_bands
from mmhsi.tasks.networks import Classifier, LeastSquaresAbundances, Network, Restored, Segmentor

# earlier, torch cannot be asked whether it is exporting, and kernels of mmhsi would be in the file; and its exporter to
# ONNX fails for the networks tried
_FIRST_TORCH = '2.7'
FORMATS = {'onnx': '.onnx', 'torch-export': '.pt2'}
TOLERANCE = 1e-5


class SpectralStep(nn.Module):
    """A fitted spectral transform as a module: images (B, C, h, w) → (B, C', h, w), computed as the transform does.

    Args:
        step (SpectralTransform): The transform, fitted.
        in_bands (int): Number of bands C.

    Raises:
        ValueError: If the transform is none of those of mmhsi.
    """

    def __init__(self, step: SpectralTransform, in_bands: int):
        super().__init__()
        self.kind, self.in_bands = type(step).__name__, in_bands
        if isinstance(step, SelectBands):
            self.register_buffer('indices', torch.as_tensor(np.asarray(step.indices), dtype=torch.long))
            return
        low, high, weight = -np.inf, np.inf, None
        if isinstance(step, SpectralComponents):
            shift, scale, weight = step.mean, 1.0, step.scaled()
        elif isinstance(step, ScaleValues):
            shift, scale = -step.offset / step.factor, 1 / step.factor
        elif isinstance(step, Standardize):
            shift, scale = step.mean, step.std + step.eps
        elif isinstance(step, MinMaxScale):
            span = step.maximum - step.minimum
            shift, scale = step.minimum, np.where(span > 0, span, 1)
        elif isinstance(step, PercentileScale):
            low, high = step.lower, step.upper
            shift, scale = low, high - low + step.eps
        else:
            raise ValueError(
                f'the preprocessing has the step {self.kind}, for which there is no exported form; expected steps of '
                'mmhsi.datasets.transforms'
            )
        for name, value in (('low', low), ('high', high), ('shift', shift), ('scale', scale)):
            self.register_buffer(name, torch.as_tensor(np.asarray(value, np.float32)).reshape(-1, 1, 1))
        kernel = None if weight is None else torch.as_tensor(weight.T[..., None, None].astype(np.float32))
        self.register_buffer('weight', kernel)
        self.clips = bool(np.isfinite(np.asarray(low)).all())

    def forward(self, image: Tensor) -> Tensor:
        if self.kind == 'SelectBands':
            return image.index_select(1, self.indices)
        if self.clips:
            image = torch.minimum(torch.maximum(image, self.low), self.high)
        image = (image - self.shift) / self.scale
        return image if self.weight is None else nn.functional.conv2d(image, self.weight)

    def inverse(self, image: Tensor) -> Tensor:
        """An image that the step converts to this one, if there is one; for samples."""
        if self.kind == 'SelectBands':
            whole = image.new_zeros(len(image), self.in_bands, *image.shape[2:])
            return whole.index_copy(1, self.indices, image)
        if self.weight is not None:
            image = torch.einsum('cn,bnhw->bchw', torch.linalg.pinv(self.weight[..., 0, 0]), image)
        return image * self.scale + self.shift


class ExportedNetwork(nn.Module):
    """A network with its preprocessing: tiles or windows (B, C, h, w) in the values of the file → its result.

    That is (B, K) for a window and (B, L, s h, s w) for a tile: probabilities of classes, abundances, restored bands.

    Args:
        network (Network): The network, tried by :func:`mmhsi.inference.run_scene.try_network`.
        steps (Sequence[SpectralStep]): The preprocessing.
        input_scale (float): Factor of the input, for a program that divides what it reads. Defaults to 1.
    """

    def __init__(self, network: Network, steps: Sequence[SpectralStep], input_scale: float = 1.0):
        super().__init__()
        self.steps = nn.ModuleList(steps)
        self.model = network.model
        self.network = network
        self.input_scale = input_scale

    def forward(self, image: Tensor) -> Tensor:
        if self.input_scale != 1:
            image = image * self.input_scale
        for step in self.steps:
            image = step(image)
        image = self.model.data_preprocessor(dict(inputs=image), False)['inputs']
        if not isinstance(self.network, Segmentor):
            return self.network.run(image, ())
        return _of_logits(self.network, self.network.of_tiles(image))

    def sample(self, bands: int, size: tuple[int, int], count: int, seed: int = 0) -> Tensor:
        """Random images (B, C, h, w) like those of the fit, which the preprocessing turns into ``bands`` bands."""
        image = torch.randn(count, bands, *size, generator=torch.Generator().manual_seed(seed))
        for step in reversed(self.steps):
            image = step.inverse(image)
        return image / self.input_scale


def _of_logits(network: Network, values: Tensor) -> Tensor:
    return values.softmax(dim=1) if network.logits else values


def export_network(
    model: str | Path | Config | None,
    weights: str | None,
    path: str | Path,
    format: str = 'onnx',
    num_bands: int | None = None,
    input_scale: float = 1.0,
    trust: bool = False,
) -> dict[str, Any]:
    """Write a network with its fitted preprocessing to one file, and compare what this computes with PyTorch.

    Args:
        model (str | Path | Config, optional): Config, config file or name of a model of the zoo; None for the config
            that the checkpoint holds.
        weights (str, optional): Checkpoint.
        path (str | Path): File to write.
        format (str): 'onnx', or 'torch-export', which ``torch.export.load`` reads. Defaults to 'onnx'.
        num_bands (int, optional): Number of bands of a file, if neither checkpoint nor preprocessing determines it.
        input_scale (float): Factor of the input, 255 for a program that divides bytes by 255. Defaults to 1.
        trust (bool): See :class:`mmhsi.apis.HSIInferencer`. Defaults to False.

    Returns:
        dict: The description that the file holds, with ``error``, the largest absolute difference.

    Raises:
        ImportError: If torch is older than 2.7, or onnx, onnxscript or onnxruntime is needed and not installed.
        ValueError: If the network cannot be exported, or its file computes something else.
    """
    if format not in FORMATS:
        raise ValueError(f'the format is {format!r}, expected one of {", ".join(FORMATS)}')
    check_format(format)
    inferencer = HSIInferencer(model, weights, 'cpu', show_progress=False, trust=trust)
    plan = inferencer.plan
    _check_kind(plan, inferencer)
    chain = _fitted_chain(plan, inferencer._record)
    bands = num_bands or _bands_of_file(inferencer, plan, chain)
    network = _network(inferencer, plan)
    steps, inner = [], bands
    for step in chain.transforms:
        steps.append(SpectralStep(step, inner))
        inner = step.out_bands(inner)
    try_network(network, plan, inner, inferencer._config_name, inferencer.memory // 2)
    exported = ExportedNetwork(network, steps, input_scale).eval()
    size = _input_size(network, plan)
    sample = exported.sample(inner, size, 2)
    with torch.inference_mode():
        values = chain_values(chain, (sample * input_scale).numpy())
        expected = _of_logits(network, network(torch.from_numpy(values))).numpy()
    description = _describe(inferencer, plan, network, bands, size, expected.shape, input_scale)
    path = Path(path)
    write = {'onnx': _write_onnx, 'torch-export': _write_program}[format]
    run = write(exported, sample, path, description)
    found = np.concatenate([run(image[None]) for image in sample.numpy()])
    error = float(np.abs(found - expected).max())
    if not error <= TOLERANCE * max(1.0, float(np.abs(expected).max())):
        path.unlink()
        raise ValueError(f'{path}: the file computes values that differ from those of PyTorch by up to {error:.3g}')
    return dict(description, error=error)


def check_format(format: str) -> None:
    """Raise an ImportError that says what to install if torch is too old or a package for the format is missing."""
    if digit_version(torch.__version__) < digit_version(_FIRST_TORCH):
        raise ImportError(
            f'to export a network, torch {_FIRST_TORCH} or later must be installed, and this is {torch.__version__}: '
            'pip install --upgrade torch torchvision'
        )
    needed = ('onnx', 'onnxscript', 'onnxruntime') if format == 'onnx' else ()
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f'to write ONNX, {" and ".join(missing)} must be installed: pip install "mmhsi[export]"')


def chain_values(chain: SpectralChain, images: np.ndarray) -> np.ndarray:
    """Images (B, C, h, w) after the preprocessing itself."""
    values = np.moveaxis(images, 1, -1)
    for step in chain.transforms:
        values = step(values)
    return np.ascontiguousarray(np.moveaxis(values, -1, 1), np.float32)


def _check_kind(plan: Plan, inferencer: HSIInferencer) -> None:
    name = inferencer._config_name
    if plan.pairs:
        raise ValueError(f'{name}: networks that compare two dates are not exported')
    if plan.make_task().wants_spectrum(inferencer.model):
        raise ValueError(f'{name}: networks that look for a target spectrum are not exported')
    loader, spectral = plan.pipeline()
    if type(loader).__name__ != 'LoadSceneWindow':
        raise ValueError(f'{name}: the step {type(loader).__name__} of the test pipeline has no exported form')


def _fitted_chain(plan: Plan, record: dict | None) -> SpectralChain:
    chain = SpectralChain(plan.scene.get('preprocessing', ()))
    state = fitted_state(record, '')
    if state is not None and any(step.state_names for step in chain.transforms):
        chain.load_state_dict(state)
    for step in chain.transforms:
        if not step.fitted and not isinstance(step, SelectBands):
            raise ValueError(
                f'{type(step).__name__} of the preprocessing is not fitted: give the checkpoint of a training, which '
                'holds its state'
            )
    chain.transforms += list(plan.pipeline()[1])
    return chain


def _bands_of_file(inferencer: HSIInferencer, plan: Plan, chain: SpectralChain) -> int:
    """Number of bands that the preprocessing takes, if it can be determined."""
    known = training_bands(inferencer.cfg, inferencer._record)
    if known is not None:
        return len(known)
    if plan.scene.get('num_bands') is not None:
        return int(plan.scene['num_bands'])
    for step in chain.transforms:
        if isinstance(step, SelectBands):
            break
        if step.fitted_bands() is not None:
            return step.fitted_bands()
    else:
        for module in inferencer.model.modules():
            if getattr(module, 'in_channels', None):
                return int(module.in_channels)
    raise ValueError(
        f'{inferencer._config_name}: neither the checkpoint nor the preprocessing determines the number of bands of a '
        'file: give it (--num-bands)'
    )


def _network(inferencer: HSIInferencer, plan: Plan) -> Network:
    network = plan.make_task().network(inferencer.model, plan.window is not None, None)
    if isinstance(network, LeastSquaresAbundances):
        raise ValueError(
            f'{inferencer._config_name}: its abundances are found by least squares with the endmembers, which is no '
            'part of a network; set abundances="network" in the metric to export those of the network'
        )
    return network


def _input_size(network: Network, plan: Plan) -> tuple[int, int]:
    size = (plan.window, plan.window) if plan.grid is None else plan.grid.size
    return tuple(int(side) + 2 * network.margin for side in size)


def _describe(inferencer, plan: Plan, network: Network, bands: int, size, shape, input_scale: float) -> dict[str, Any]:
    """What a user of the file must know."""
    task = plan.make_task()
    if not isinstance(network, Restored):
        task.name_classes(inferencer.cfg, inferencer._meta, network.outputs)
    known = training_bands(inferencer.cfg, inferencer._record)
    return dict(
        mmhsi=mmhsi.__version__,
        config=Path(inferencer._config_name).name,
        weights=inferencer._weights_name and Path(inferencer._weights_name).name,
        task=task.name,
        input='windows around a pixel' if plan.grid is None else 'tiles',
        input_shape=['batch', bands, *size],
        input_scale=input_scale,
        overlap=None if plan.grid is None else [int(side) for side in plan.grid.overlap],
        margin=network.margin,
        output_shape=['batch', *shape[1:]],
        output='probabilities' if network.logits or isinstance(network, Classifier) else type(network).__name__.lower(),
        classes=list(task.classes),
        wavelengths=None if known is None else known.wavelengths.tolist(),
    )


def _deepness(description: dict[str, Any]) -> dict[str, Any]:
    """The entries that the QGIS plugin Deepness reads, for tiles whose result has their size."""
    (height, width), shape = description['input_shape'][2:], description['output_shape']
    if height != width or shape[2:] != [height, width]:
        return {}
    entries = dict(tiles_size=width, tiles_overlap=round(100 * max(description['overlap']) / width))
    if description['output'] != 'probabilities':
        return dict(entries, model_type='Regressor')
    return dict(entries, model_type='Segmentor', class_names=dict(enumerate(description['classes'])))


def _program(exported: nn.Module, sample: Tensor) -> tuple[torch.export.ExportedProgram, str | int]:
    """The network as a program for any number of images, or for one at a time if it allows no other number."""
    with torch.no_grad():
        try:
            batch = torch.export.Dim('batch', min=1, max=4096)
            program = torch.export.export(exported, (sample,), dynamic_shapes=({0: batch},), strict=False)
            inputs = [node.meta['val'] for node in program.graph.nodes if node.op == 'placeholder']
            if not isinstance(inputs[-1].shape[0], int):
                return program, 'batch'
            reason = f'it takes {inputs[-1].shape[0]} for their number'
        except Exception as error:  # of several types, depending on the part of the network that prevents it
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        print_log(f'the file takes one image at a time: {reason}', 'current', logging.WARNING)
        return torch.export.export(exported, (sample[:1],), strict=False), 1


def _write_onnx(exported: nn.Module, sample: Tensor, path: Path, description: dict) -> Callable:
    import onnxruntime

    program, batch = _program(exported, sample)
    description['input_shape'][0] = description['output_shape'][0] = batch
    written = torch.onnx.export(program, input_names=['image'], output_names=['result'], dynamo=True, verbose=False)
    entries = {name: json.dumps(value) for name, value in _deepness(description).items()}
    written.model.metadata_props.update(entries, mmhsi=json.dumps(description))
    written.save(str(path), external_data=False)
    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    return lambda images: session.run(None, {'image': images})[0]


def _write_program(exported: nn.Module, sample: Tensor, path: Path, description: dict) -> Callable:
    program, batch = _program(exported, sample)
    description['input_shape'][0] = description['output_shape'][0] = batch
    torch.export.save(program, path, extra_files={'mmhsi.json': json.dumps(description)})
    module = torch.export.load(path).module()
    return lambda images: module(torch.from_numpy(images)).detach().numpy()
