"""Sparse sampling attention as the paper's code formulates it: what the benchmarks of the operator compare with."""

import torch
import torch.nn.functional as F
from torch import Tensor


def attend_by_two_samplings(
    query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, spatial_shape: tuple[int, int], scale: float
) -> Tensor:
    """Sample channel-first copies of keys and values separately at normalised positions, then attend.

    Arguments and result are those of :func:`mmhsi.ops.sparse_sampling_attention`.
    """
    batch, heads, num_tokens, dims = query.shape
    height, width = spatial_shape
    token = torch.arange(num_tokens, device=query.device)
    centres = torch.stack([(token % width + 0.5) / width, (token // width + 0.5) / height], -1)
    size = offsets.new_tensor([width, height])
    grid = (2 * (centres[:, None] + offsets / size) - 1).flatten(0, 1)

    def sample(tokens: Tensor) -> Tensor:
        maps = tokens.transpose(2, 3).reshape(batch * heads, dims, height, width)
        # at least in float32, as under autocast
        samples = F.grid_sample(maps.to(grid.dtype), grid, mode='bilinear', padding_mode='zeros', align_corners=False)
        return samples.to(tokens.dtype).reshape(batch, heads, dims, num_tokens, -1).permute(0, 1, 3, 4, 2)

    attention = ((query.unsqueeze(3) * sample(key)).sum(-1) * scale).softmax(-1)
    return (attention.unsqueeze(-1) * sample(value)).sum(3)
