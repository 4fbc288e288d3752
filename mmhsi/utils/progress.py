"""One style of progress bar for all long tasks, silent without a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

SWITCH = 'MMHSI_PROGRESS'
"""Environment variable: 'on' shows bars even without a terminal, 'off' never; by default bars are shown on
terminals."""


def progress_bar(
    items: Iterable | None = None, what: str = '', unit: str = '', total: int | None = None, after: float = 0.0
) -> tqdm:
    """A progress bar on stderr; it shows nothing if stderr is not a terminal.

    Args:
        items (Iterable, optional): The items to iterate over; without them the caller counts with ``update``.
        what (str): Description of the task in a word or two.
        unit (str): The counted things, in the plural.
        total (int, optional): How many there are. Defaults to the length of ``items``.
        after (float): Seconds before it appears, so that short tasks show none. Defaults to 0.

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
