"""Words for messages."""

from collections.abc import Sequence
from typing import Any


def config_name(config: Any) -> str:
    """Name of a config for messages: that of its file, if it has one."""
    return str(getattr(config, 'filename', None) or 'the config')


def listed(items: Sequence, most: int = 5) -> str:
    """The first few of many items, separated by commas.

    Args:
        items (Sequence): The items.
        most (int): Largest number of items that are named. Defaults to 5; any others are counted.
    """
    text = ', '.join(map(str, items[:most]))
    return text if len(items) <= most else f'{text} and {len(items) - most} more'
