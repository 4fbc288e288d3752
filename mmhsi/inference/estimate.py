"""How long a prediction will take, and what would shorten it."""

from __future__ import annotations

import time

import torch
from mmengine.logging import print_log

from mmhsi.inference.plan import Plan
from mmhsi.tasks.networks import Network

_LONG = 120.0  # seconds from which on the estimate is printed
_TRIAL = 0.2  # seconds of a trial that is long enough


def samples_of(view, plan: Plan) -> int:
    """Number of windows or tiles of a scene, if all of it holds data."""
    if plan.grid is None:
        return view.height * view.width
    return len(plan.grid.starts(0, view.height)) * len(plan.grid.starts(1, view.width))


def seconds_a_sample(network: Network, sample: torch.Tensor, worth: float = 0.0) -> float:
    """Seconds of a sample within a batch, by trials of growing batches until one takes long enough to be measured.

    Args:
        network (Network): The network, whose ``batch_size`` is the largest trial.
        sample (Tensor): A sample (1, C, h, w).
        worth (float): Seconds at or below which the answer needs no further trial. Defaults to 0.

    Returns:
        float: Seconds.
    """
    size = 1
    while True:
        start = time.perf_counter()
        network(sample.expand(size, -1, -1, -1)).cpu()  # a GPU has finished when its values are here
        seconds = time.perf_counter() - start
        if seconds >= _TRIAL or size >= network.batch_size or seconds / size <= worth:
            return seconds / size
        size = min(4 * size, network.batch_size)


def announce(name: str, view, network: Network, plan: Plan) -> float | None:
    """Log how long a scene will take, if that is long, and which choices that have not been made would shorten it.

    Args:
        name (str): Name of the scene.
        view (CubeView | PairView): The scene.
        network (Network): The network, tried by :func:`mmhsi.inference.run_scene.try_network`.
        plan (Plan): How it is predicted.

    Returns:
        float | None: Seconds, None if they are too few to be announced.
    """
    count = samples_of(view, plan)
    size = (plan.window, plan.window) if plan.grid is None else plan.grid.size
    sample = torch.zeros(1, view.bands, *(side + 2 * network.margin for side in size))
    each = seconds_a_sample(network, sample, _LONG / count)
    seconds = each * count
    if seconds < _LONG:
        return None
    what = 'windows' if plan.grid is None else 'tiles'
    print_log(
        f'{name}: {count:,} {what} of {1000 * each:.3g} ms on {network.device} in {network.precision.name}: about '
        f'{in_words(seconds)} at most; {"; ".join(shortcuts(network, plan)) or "nothing shorter is known"}',
        'current',
    )
    return round(seconds, 3)


def shortcuts(network: Network, plan: Plan) -> list[str]:
    """Choices that have not been made and shorten a prediction, in words."""
    found = []
    if network.precision.name in ('fp32', 'tf32'):
        found.append("precision 'bf16' is faster where the processor has such products")
    if plan.grid is None:
        if plan.lattice == 1 and plan.suits_lattice:
            found.append('lattice 2 predicts half of the pixels or fewer where classes are not scattered')
        found.append('a config by tiles (seg) shares work between neighbouring pixels')
    elif any(plan.grid.overlap):
        found.append('a smaller overlap makes fewer tiles')
    if network.device.type == 'cpu':
        found.append("a GPU (device 'cuda')")
    return found


def in_words(seconds: float) -> str:
    """A duration in the unit that suits it."""
    for unit, length in (('days', 86400), ('hours', 3600), ('minutes', 60)):
        if seconds >= 2 * length:
            return f'{seconds / length:.0f} {unit}'
    return f'{seconds:.0f} seconds'
