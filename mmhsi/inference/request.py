"""What a user asks of the inferencer, as it is handed on from step to step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmhsi.datasets.scenes.band_matching import Bands
from mmhsi.inference.plan import Plan


@dataclass(frozen=True, eq=False)
class Request:
    """The options of a call; see :meth:`mmhsi.apis.HSIInferencer.__call__`.

    Attributes:
        plan (Plan): Windows or tiles.
        folder (Path, optional): Folder of the products.
        wanted (Bands, optional): The bands that the model was trained on.
        match_bands, nodata, target_spectrum, batch_size, scores, uncertainty, driver, pictures, return_arrays,
            return_vis, resume, overwrite: As in the call.
    """

    plan: Plan
    folder: Path | None = None
    wanted: Bands | None = None
    match_bands: str = 'check'
    nodata: float | None = None
    target_spectrum: Any = None
    batch_size: int | None = None
    scores: bool = False
    uncertainty: bool = False
    driver: str = 'GTiff'
    pictures: bool = True
    return_arrays: bool = True
    return_vis: bool = False
    resume: bool = True
    overwrite: bool = False
