"""Selective state spaces (Mamba) in plain PyTorch, on any device and without compiled kernels."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_UNCHUNKED = 16  # tokens: shorter sequences are scanned in one pass
_STEP_RANGE = 1e-3, 1e-1  # of the steps at the start


def selective_scan(x: Tensor, step: Tensor, rate: Tensor, into: Tensor, out_of: Tensor) -> Tensor:
    r"""Run a diagonal linear recurrence with steps and weights that depend on the token (Mamba, algorithm 2).

    .. math:: h_t = e^{\Delta_t A} h_{t-1} + \Delta_t x_t B_t, \quad y_t = h_t C_t, \quad h_0 = 0

    A sequence is cut into about :math:`\sqrt{L}` chunks. All chunks are scanned side by side from a zero state; the
    states at their ends are then passed on from chunk to chunk and added. Python thus runs through :math:`2 \sqrt{L}`
    steps instead of L.

    Args:
        x: Sequences (B, L, D).
        step: Steps :math:`\Delta` (B, L, D), positive.
        rate: Rates A (D, N) of the N states of each channel, negative.
        into: Weights :math:`B_t` (B, L, N) of the input.
        out_of: Weights :math:`C_t` (B, L, N) of the output.

    Returns:
        Sequences y (B, L, D).
    """
    length = x.shape[1]
    size = length if length <= _UNCHUNKED else math.ceil(math.sqrt(length))
    added = -length % size
    # steps of length zero do not change the state
    x, step, into, out_of = (F.pad(part, (0, 0, 0, added)).unflatten(1, (-1, size)) for part in (x, step, into, out_of))
    driven = x * step
    state, outputs = 0.0, []
    for t in range(size):
        kept = (step[:, :, t, :, None] * rate).exp()
        state = kept * state + driven[:, :, t, :, None] * into[:, :, t, None]
        outputs.append((state * out_of[:, :, t, None]).sum(dim=-1))
    y = torch.stack(outputs, dim=2)
    if step.shape[1] > 1:
        elapsed = step.cumsum(dim=2)
        kept = (elapsed[:, :, -1, :, None] * rate).exp()
        before = [torch.zeros_like(state[:, 0])]
        for chunk in range(step.shape[1] - 1):
            before.append(kept[:, chunk] * before[-1] + state[:, chunk])
        before = torch.stack(before, dim=1)
        handed = [
            ((elapsed[:, :, t, :, None] * rate).exp() * before * out_of[:, :, t, None]).sum(dim=-1) for t in range(size)
        ]
        y = y + torch.stack(handed, dim=2)
    return y.flatten(1, 2)[:, :length]


class Mamba(nn.Module):
    """Mamba block (Gu and Dao, arXiv 2312.00752): causal convolution, selective scan, gate.

    Args:
        embed_dims (int): Width E of the tokens.
        num_states (int): States N of a channel. Defaults to 16.
        kernel_size (int): Tokens that the causal convolution sees. Defaults to 4.
        expansion (int): Inner width in multiples of E. Defaults to 2.
    """

    def __init__(self, embed_dims: int, num_states: int = 16, kernel_size: int = 4, expansion: int = 2) -> None:
        super().__init__()
        inner = expansion * embed_dims
        self.step_rank = math.ceil(embed_dims / 16)
        self.num_states = num_states
        self.in_proj = nn.Linear(embed_dims, 2 * inner, bias=False)
        self.conv = nn.Conv1d(inner, inner, kernel_size, groups=inner, padding=kernel_size - 1)
        self.selection = nn.Linear(inner, self.step_rank + 2 * num_states, bias=False)
        self.step_proj = nn.Linear(self.step_rank, inner)
        self.log_rate = nn.Parameter(torch.arange(1.0, num_states + 1).log().repeat(inner, 1))
        self.skip = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, embed_dims, bias=False)
        self._reset_steps()

    @torch.no_grad()
    def _reset_steps(self) -> None:
        """Steps at the start are spread evenly over the orders of magnitude of ``_STEP_RANGE``."""
        low, high = map(math.log, _STEP_RANGE)
        nn.init.uniform_(self.step_proj.weight, -(self.step_rank**-0.5), self.step_rank**-0.5)
        steps = torch.empty_like(self.step_proj.bias).uniform_(low, high).exp()
        self.step_proj.bias.copy_(steps.expm1().log())  # the inverse of softplus

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, E) → (B, L, E); a token sees itself and earlier ones."""
        x, gate = self.in_proj(x).chunk(2, dim=-1)
        x = F.silu(self.conv(x.transpose(1, 2))[..., : x.shape[1]].transpose(1, 2))
        rank, into, out_of = self.selection(x).split([self.step_rank, self.num_states, self.num_states], dim=-1)
        step = F.softplus(self.step_proj(rank))
        y = selective_scan(x, step, -self.log_rate.exp(), into, out_of) + self.skip * x
        return self.out_proj(y * F.silu(gate))
