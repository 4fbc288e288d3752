"""One style of progress bar for all long work, silent where nobody watches."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

SWITCH = 'MMHSI_PROGRESS'
"""Environment variable: 'on' shows bars without a terminal too, 'off' never; by default a terminal decides."""


def progress_bar(
    items: Iterable | None = None, what: str = '', unit: str = '', total: int | None = None, after: float = 0.0
) -> tqdm:
    """A bar on stderr that shows how far long work has come; it shows nothing where stderr is no terminal.

    Args:
        items (Iterable, optional): What is gone through; without it the caller counts by ``update``.
        what (str): What is done, in a word or two.
        unit (str): What is counted, in the plural.
        total (int, optional): How many there are. Defaults to the length of ``items``.
        after (float): Seconds before it appears, so that short work shows none. Defaults to 0.

    Returns:
        tqdm: The bar: an iterable and a context manager with ``update`` and ``close``.
    """
    return tqdm(
        items,
        desc=what or None,
        total=total,
        unit=f' {unit}' if unit else 'it',
        dynamic_ncols=True,
        disable=not watched(),
        delay=after,
    )


def watched() -> bool:
    """Whether bars are shown."""
    switch = os.environ.get(SWITCH, '')
    if switch not in ('', 'on', 'off'):
        raise ValueError(f"{SWITCH}={switch!r}, expected 'on' or 'off'")
    return switch == 'on' or (switch == '' and sys.stderr.isatty())


def write_line(text: str, **options: Any) -> None:
    """Write a line above the bars; ``options`` as those of ``print``."""
    tqdm.write(text, **options)
