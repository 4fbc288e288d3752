"""Comparison of our tensors with those of a golden case, at the tolerances that the cases state."""

import numpy as np
import torch
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from golden_checks.case import GoldenCase, as_tensors
from mmhsi.utils import convert_hypersigma_state_dict

OUTPUT_TOLERANCE = 1e-5  # of max(1, max |out|)
GRADIENT_TOLERANCE = 5e-5  # of max |grad|


def load(model: nn.Module, case: GoldenCase, **kwargs) -> nn.Module:
    """Load the official parameters of a case through the converter; every parameter of ours must be given.

    More may be given: blocks and reductions behind the last output wanted, and parts that the model does not have.
    """
    converted = convert_hypersigma_state_dict(case.state, case.reference, **kwargs)
    missing, unexpected = model.load_state_dict(converted, strict=False)
    missing = [name for name in missing if not name.endswith('num_batches_tracked')]
    assert not missing, f'not given by the converted state dict: {missing}'
    parts = dict(model.named_children())
    surprising = [
        name
        for name in unexpected
        if name.split('.')[0] in parts and 'blocks.' not in name and 'spectral_reductions.' not in name
    ]
    assert not surprising, f'in the converted state dict, and of no use: {surprising}'
    return in_mode(model, case)


def in_mode(model: nn.Module, case: GoldenCase) -> nn.Module:
    """The model in the precision and the mode of the case; a recorded training mode leaves nothing to chance."""
    model = model.to(case.dtype).train(case.is_trained)
    for module in model.modules() if case.is_trained else ():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
        elif isinstance(module, DropPath):
            module.drop_prob = 0.0
    return model


def assert_output_close(name: str, found: Tensor, wanted: np.ndarray) -> None:
    found = found.detach().numpy()
    assert found.shape == wanted.shape, f'{name}: shape {found.shape}, wanted {wanted.shape}'
    error = np.abs(found - wanted).max()
    limit = OUTPUT_TOLERANCE * max(1.0, np.abs(wanted).max())
    assert error <= limit, f'{name}: error {error:.2e} above {limit:.2e}'


def assert_gradient_close(name: str, found: Tensor, wanted: np.ndarray, limit: float = GRADIENT_TOLERANCE) -> None:
    assert found.shape == wanted.shape, f'gradient of {name}: shape {tuple(found.shape)}, wanted {wanted.shape}'
    error, limit = np.abs(found.numpy() - wanted).max(), limit * np.abs(wanted).max()
    assert error <= limit, f'gradient of {name}: error {error:.2e} above {limit:.2e}'


def assert_scalar(case: GoldenCase, name: str, found: Tensor) -> None:
    rtol = case.json['tolerance'].get('loss_rtol', case.json['tolerance'].get('rtol'))
    np.testing.assert_allclose(found.item(), case.json['expected'][name], rtol=rtol, err_msg=name)


def check_outputs(case: GoldenCase, **found: Tensor) -> None:
    """All outputs of a case, and the further values that its format records.

    Outputs are compared by name, or in their order where the case calls them otherwise; an output that repeats the
    input is the input.
    """
    found = _named_as_recorded(case, found)
    if 'suggested_rtol' in case.json:  # whole networks
        limits = dict.fromkeys(found, dict(rtol=case.json['suggested_rtol'], atol=case.json['suggested_atol']))
    elif 'tolerance' in case.json:  # low-level networks
        tolerance = case.json['tolerance']
        limits = dict.fromkeys(found, dict(rtol=tolerance['output_rtol'], atol=tolerance['output_atol']))
    else:
        for name, value in case.outputs.items():
            assert_output_close(name, found[name], value)
        return _check_mean_squares(case, found)
    for name, value in case.outputs.items():
        assert found[name].shape == value.shape, f'{name}: {tuple(found[name].shape)}, wanted {value.shape}'
        np.testing.assert_allclose(found[name].detach().numpy(), value, err_msg=name, **limits[name])


def _named_as_recorded(case: GoldenCase, found: dict[str, Tensor]) -> dict[str, Tensor]:
    wanted = case.outputs
    assert wanted, f'{case.path}: no outputs'
    if set(wanted) == set(found):
        return found
    echoes = {
        name: image
        for name, value in wanted.items()
        for image in case.images
        if np.array_equal(value, image.detach().numpy())
    }
    others = [name for name in wanted if name not in echoes]
    assert len(others) == len(found), f'outputs {sorted(found)}, wanted {sorted(wanted)}'
    return {**echoes, **dict(zip(others, found.values(), strict=True))}


def _check_mean_squares(case: GoldenCase, found: dict[str, Tensor]) -> None:
    """The loss of the backbone cases, the sum of the mean squares of all outputs, and its gradients."""
    loss = sum(output.square().mean() for output in found.values())
    assert_output_close('loss', loss.reshape(1), case.tensors['loss'].reshape(1))
    gradients = case.group('grad.')
    assert gradients
    for name, value in gradients.items():
        assert_gradient_close(name, torch.autograd.grad(loss, case.inputs[name], retain_graph=True)[0], value)


def assert_intermediates(case: GoldenCase, **found: Tensor) -> None:
    """Those of the given tensors inside a low-level network that the case records."""
    recorded, tolerance = case.group('intermediate.'), case.json.get('tolerance')
    for name in recorded.keys() & found.keys():
        np.testing.assert_allclose(
            found[name].detach().numpy(),
            recorded[name],
            rtol=tolerance['intermediate_rtol'],
            atol=tolerance['intermediate_atol'],
            err_msg=name,
        )


def assert_parameter_gradients(case: GoldenCase, loss: Tensor, model: nn.Module) -> None:
    """All stored gradients of a low-level network with respect to parameters."""
    wanted = case.group('grad.')
    assert wanted
    parameters = dict(model.named_parameters())
    for official, value in as_tensors(wanted).items():
        ((name, value),) = convert_hypersigma_state_dict({official: value}, case.reference).items()
        (found,) = torch.autograd.grad(loss, parameters[name], retain_graph=True)
        assert_gradient_close(official, found, value.numpy(), case.json['tolerance']['grad_relative_to_max'])
