"""Numbers as JSON can hold them."""

import math


def json_number(value: float) -> float | None:
    """A plain float; None for NaN and infinity, which JSON does not know."""
    return float(value) if math.isfinite(value) else None
