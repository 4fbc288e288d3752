"""Classical unmixing of a scene, evaluated like networks."""

import numpy as np

from mmhsi.classical import fcls, sparse_nmf
from mmhsi.classical.unmixing import unit_spectra
from mmhsi.evaluation import UnmixingResult

UNMIXING_METHODS = ('fcls', 'sparse_nmf')
"""Names of the methods: fully constrained least squares on given endmembers, and L1/2-NMF that starts from them."""


def evaluate_unmixer(
    scene,
    method: str,
    seed: int | None = None,
    unit_norm: bool = False,
    matching: str = 'greedy',
    evaluate_on: str | None = None,
    **options,
) -> UnmixingResult:
    """Unmix a scene without a network and without using ground truth.

    Both methods start from the initial endmembers of the scene, or from those found by vertex component analysis. All
    valid pixels are used after the preprocessing of the scene; negative values become zero for 'sparse_nmf'.

    Args:
        scene (UnmixingScene): The scene.
        method (str): 'fcls' or 'sparse_nmf'.
        seed (int, optional): Find the initial endmembers by vertex component analysis with this seed. By default those
            of the scene are used, or, if it has none, those of seed 0.
        unit_norm (bool): Whether to scale pixels and endmembers to unit norm first: the abundances are then shares of
            spectral shapes, without differences of light. Defaults to False.
        matching (str): See :class:`~mmhsi.evaluation.UnmixingResult`. Defaults to 'greedy'.
        evaluate_on (str, optional): None or 'all': the truth covers the scene. Defaults to None.
        **options: Further arguments of :func:`mmhsi.classical.sparse_nmf`.

    Returns:
        UnmixingResult: Endmembers and abundances of all valid pixels and their scores; ``settings`` holds the
        ``method``, its initial endmembers and its ``options``. With ``unit_norm`` the reconstruction RMSE refers to the
        pixels of unit norm.

    Raises:
        TypeError: If the scene is not one for unmixing, or an option is unknown.
        ValueError: If the method is unknown or refuses its input.
    """
    if not hasattr(scene, 'initial_endmembers'):
        raise TypeError(f'an unmixing method needs an UnmixingScene, found {type(scene).__name__}')
    if method not in UNMIXING_METHODS:
        raise ValueError(f'the method is {method!r}, expected one of {", ".join(UNMIXING_METHODS)}')
    if evaluate_on not in (None, 'all'):
        raise ValueError(f'unmixing is evaluated on all pixels of a scene, not on {evaluate_on!r}')
    if method == 'fcls' and options:
        raise TypeError(f'fcls takes no further options, found {", ".join(options)}')
    start = scene.initial_endmembers if seed is None else None
    started_from = 'the initial endmembers of the scene'
    if start is None:
        start = scene.find_endmembers(seed or 0)
        started_from = f'VCA, seed {seed or 0}'

    valid = scene.valid
    pixels = scene.pixels(np.flatnonzero(valid)).astype(np.float64)
    if unit_norm:
        pixels, start = unit_spectra(pixels), unit_spectra(start)
    shares = fcls(pixels, start)
    endmembers = start
    if method == 'sparse_nmf':
        endmembers, shares = sparse_nmf(np.maximum(pixels, 0), np.maximum(start, 0), shares, **options)
    abundances = np.full((len(endmembers), *valid.shape), np.nan)
    abundances[:, valid] = shares.T
    settings = dict(method=method, started_from=started_from, unit_norm=unit_norm, options=options)
    if not unit_norm:
        return UnmixingResult.of_scene(scene, endmembers, abundances, matching, settings)
    cube = np.zeros(scene.shape)
    cube[valid] = pixels
    return UnmixingResult.evaluate(
        scene.name,
        endmembers,
        abundances,
        cube,
        valid,
        scene.endmembers,
        scene.abundances,
        scene.classes,
        matching,
        settings,
    )
