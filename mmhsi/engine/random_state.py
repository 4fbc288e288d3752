"""The random numbers of a process (Python, NumPy, torch on the CPU) as plain tensors that fit into a checkpoint."""

import random

import numpy as np
import torch


def random_state() -> dict:
    """The random state of this process.

    Returns:
        dict: 'python', 'numpy' and 'torch', lists of tensors and numbers.
    """
    version, words, next_gauss = random.getstate()
    _, keys, position, has_gauss, cached = np.random.get_state()
    return dict(
        python=[version, torch.tensor(words), next_gauss],
        numpy=[torch.from_numpy(keys.astype(np.int64)), position, has_gauss, cached],
        torch=[torch.get_rng_state()],
    )


def set_random_state(state: dict) -> None:
    """Restore the random state of a call of :func:`random_state`.

    Args:
        state (dict): Its result.
    """
    version, words, next_gauss = state['python']
    random.setstate((version, tuple(words.tolist()), next_gauss))
    keys, *rest = state['numpy']
    np.random.set_state(('MT19937', keys.cpu().numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state['torch'][0].cpu())
