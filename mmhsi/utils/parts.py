"""Dividing items over processes: the I-th of N parts, counted from 1."""

import re
from collections.abc import Sequence


def parse_part(text: str) -> tuple[int, int]:
    """Parse 'I/N'.

    Raises:
        ValueError: If the format is wrong, or I does not lie between 1 and N.
    """
    match = re.fullmatch(r'(\d+)/(\d+)', text)
    if match is None:
        raise ValueError(_message(text))
    part = int(match[1]), int(match[2])
    part_of((), part)
    return part


def part_of(items: Sequence, part: tuple[int, int] | None) -> list:
    """Every N-th item from the I-th on, all of them without a part: the parts are disjoint and complete.

    Raises:
        ValueError: If I does not lie between 1 and N.
    """
    index, count = part or (1, 1)
    if not 1 <= index <= count:
        raise ValueError(_message(f'{index}/{count}'))
    return list(items[index - 1 :: count])


def _message(text: str) -> str:
    return f'a part is given as I/N with I from 1 to N, e.g. 3/40, not {text!r}'
