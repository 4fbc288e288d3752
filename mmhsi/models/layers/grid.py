"""Token grids."""

import math


def square_grid(num_tokens: int) -> tuple[int, int]:
    """The grid (√T, √T) on which spectral tokens are laid out for sampling.

    Args:
        num_tokens: Number T of tokens, a perfect square.

    Returns:
        (√T, √T).

    Raises:
        ValueError: If T is not a perfect square.
    """
    side = math.isqrt(num_tokens)
    if side * side != num_tokens:
        raise ValueError(
            f'spectral tokens are laid out on a square grid: their number must be a perfect square, found {num_tokens}'
        )
    return side, side
