"""Comparison of our tensors with those of a golden case, at the tolerances that the cases state."""

import numpy as np
import torch
from torch import Tensor

from golden_checks.case import GoldenCase

OUTPUT_TOLERANCE = 1e-5  # of max(1, max |out|)
GRADIENT_TOLERANCE = 5e-5  # of max |grad|


def as_tensors(arrays: dict[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in arrays.items()}


def assert_output_close(name: str, found: Tensor, wanted: np.ndarray) -> None:
    found = found.detach().numpy()
    assert found.shape == wanted.shape, f'{name}: shape {found.shape}, wanted {wanted.shape}'
    error = np.abs(found - wanted).max()
    limit = OUTPUT_TOLERANCE * max(1., np.abs(wanted).max())
    assert error <= limit, f'{name}: error {error:.2e} above {limit:.2e}'


def assert_gradient_close(name: str, found: Tensor, wanted: np.ndarray) -> None:
    error = np.abs(found.numpy() - wanted).max()
    limit = GRADIENT_TOLERANCE * np.abs(wanted).max()
    assert error <= limit, f'gradient of {name}: error {error:.2e} above {limit:.2e}'


def check_backbone_outputs(case: GoldenCase, x: Tensor, outputs: dict[str, Tensor]) -> None:
    """All outputs, the loss (sum of the mean squares) and the gradient of the input of a backbone case."""
    wanted = case.group('out.')
    assert set(outputs) == set(wanted), f'outputs {sorted(outputs)}, wanted {sorted(wanted)}'
    for name, value in wanted.items():
        assert_output_close(name, outputs[name], value)
    loss = sum(output.square().mean() for output in outputs.values())
    assert_output_close('loss', loss.reshape(1), case.tensors['loss'])
    assert_gradient_close('x', torch.autograd.grad(loss, x)[0], case.tensors['grad.x'])


def check_network_output(case: GoldenCase, output: Tensor) -> None:
    """The output of a network case, at the tolerance that its description suggests."""
    wanted = case.tensors['output/y']
    assert tuple(output.shape) == wanted.shape
    np.testing.assert_allclose(
        output.detach().numpy(), wanted, rtol=case.json['suggested_rtol'], atol=case.json['suggested_atol'])
