"""Random inputs of sparse sampling attention, and comparison of a back end with the definition in float64."""

import torch

from mmhsi.ops import sparse_sampling_attention

# batch, heads, grid, width, points, spread of the offsets
CASES = [
    (2, 3, (5, 7), 15, 4, 2.0),
    (2, 2, (8, 8), 64, 8, 0.3),
    (1, 2, (9, 4), 80, 3, 3.0),
    (1, 1, (1, 1), 10, 1, 0.5),
    (1, 2, (6, 6), 130, 5, 1.0),
    (3, 2, (4, 3), 10, 17, 20.0),
    (1, 3, (12, 11), 16, 8, 2.0),
]


def random_inputs(batch, heads, spatial_shape, dims, num_points, spread=2.0, dtype=torch.float64, seed=0):
    """Query, key, value (B, heads, N, d) and offsets (B, heads, N, P, 2), standard normal times ``spread``."""
    generator = torch.Generator().manual_seed(seed)
    num_tokens = spatial_shape[0] * spatial_shape[1]
    tensors = [torch.randn(batch, heads, num_tokens, dims, generator=generator, dtype=dtype) for _ in range(3)]
    offsets = spread * torch.randn(batch, heads, num_tokens, num_points, 2, generator=generator, dtype=dtype)
    return [*tensors, offsets]


def value_and_gradients(inputs, spatial_shape, backend, grad_out, scale=None):
    """The result, and the gradients of all four inputs for a gradient of the result."""
    inputs = [t.detach().requires_grad_() for t in inputs]
    out = sparse_sampling_attention(*inputs, spatial_shape, scale=scale, backend=backend)
    return [out.detach(), *torch.autograd.grad(out, inputs, grad_out.to(out.dtype))]


def assert_agrees_with_float64(backend, batch, heads, spatial_shape, dims, num_points, spread, dtype, rtol, atol):
    """Compare values and gradients with the dense form in float64 at the same, rounded inputs.

    The dense form agrees with the definition and, unlike ``grid_sample``, takes the derivative from the right where a
    rounded offset lies exactly on a cell.
    """
    inputs = [t.to(dtype) for t in random_inputs(batch, heads, spatial_shape, dims, num_points, spread)]
    grad_out = torch.randn(inputs[0].shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)
    wanted = value_and_gradients([t.double() for t in inputs], spatial_shape, 'dense', grad_out)
    found = value_and_gradients(inputs, spatial_shape, backend, grad_out)
    for name, result, reference in zip(('out', 'query', 'key', 'value', 'offsets'), found, wanted, strict=True):
        assert result.dtype == dtype
        torch.testing.assert_close(
            result.double(),
            reference,
            rtol=rtol,
            atol=atol * max(1.0, float(reference.abs().max())),
            msg=lambda text, name=name: f'{name}: {text}',
        )
