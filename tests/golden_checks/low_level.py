"""What the goldens of unmixing, denoising and super-resolution share: their format and their tolerances."""

import numpy as np
import torch
from torch import Tensor, nn

from golden_checks.case import GoldenCase
from golden_checks.compare import as_tensors
from mmhsi.utils import convert_hypersigma_state_dict


def load(model: nn.Module, case: GoldenCase) -> nn.Module:
    """Load the official parameters of a case; every parameter of ours must be given, and each one of those used."""
    converted = convert_hypersigma_state_dict(as_tensors(case.group('state_dict.')), case.reference)
    model.load_state_dict(converted, strict=True)
    return model.eval()


def assert_scalar(case: GoldenCase, name: str, found: Tensor) -> None:
    rtol = case.json['tolerance'].get('loss_rtol', case.json['tolerance'].get('rtol'))
    np.testing.assert_allclose(found.item(), case.json['expected'][name], rtol=rtol, err_msg=name)


def assert_outputs(case: GoldenCase, kind: str = 'output', **found: Tensor) -> None:
    """Compare 'output' or 'intermediate' tensors by their names in the case."""
    tolerance = case.json['tolerance']
    for name, tensor in found.items():
        np.testing.assert_allclose(
            tensor.detach().numpy(), case.tensors[f'{kind}.{name}'], rtol=tolerance[f'{kind}_rtol'],
            atol=tolerance[f'{kind}_atol'], err_msg=name)


def assert_gradients(case: GoldenCase, loss: Tensor, model: nn.Module) -> None:
    """Compare all stored gradients with respect to parameters."""
    wanted = case.group('grad.')
    assert wanted
    parameters = dict(model.named_parameters())
    for official, value in as_tensors(wanted).items():
        (name, value), = convert_hypersigma_state_dict({official: value}, case.reference).items()
        found, = torch.autograd.grad(loss, parameters[name], retain_graph=True)
        assert_relative_to_max(official, found, value, case.json['tolerance']['grad_relative_to_max'])


def assert_relative_to_max(name: str, found: Tensor, wanted: Tensor, limit: float) -> None:
    assert found.shape == wanted.shape, f'{name}: shape {found.shape}, wanted {wanted.shape}'
    error = ((found - wanted).abs().max() / wanted.abs().max()).item()
    assert error <= limit, f'gradient of {name}: error {error:.2e} of the largest value, above {limit:.0e}'
