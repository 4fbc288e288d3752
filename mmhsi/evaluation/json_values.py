"""Numbers for JSON."""

import math


def json_number(value: float) -> float | None:
    """A plain float; None for NaN and infinity, which JSON lacks."""
    return float(value) if math.isfinite(value) else None
