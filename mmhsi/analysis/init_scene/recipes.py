"""The config of each task for a scene of one's own: what it inherits, and what it takes from the dataset file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mmhsi

CONFIGS = Path(mmhsi.__file__).resolve().parent / '.mim' / 'configs'


@dataclass(frozen=True)
class Recipe:
    """A config that a new one inherits, and the text of the new one.

    Attributes:
        base (str): The config, as ``_base_`` names it.
        text (str): What follows ``_base_``. '{scene}' stands for the name of the scene's dict in the dataset file,
            '{select}' for a leading ``SelectBands`` where bands are left out, '{factor}' for a scaling to 1 or below.
    """

    base: str
    text: str


def is_recommended(task: str) -> bool:
    """Whether there is a recommended config of a task, whose sizes follow from the scene."""
    return (CONFIGS / 'recommended' / f'{task}.py').is_file()


def recipe_of(task: str, scale: int = 2, places: bool = False) -> Recipe:
    """The recommended recipe of a task; without one a small network that a CPU trains in a minute or two.

    Args:
        task (str): Name of the task.
        scale (int): Factor of super-resolution. Defaults to 2.
        places (bool): Whether it learns from many scenes. Defaults to False.
    """
    if not places and is_recommended(task):
        return Recipe(f'mmhsi::recommended/{task}.py', RECOMMENDED)
    if task == 'multispectral_change_detection' and not places:
        task = 'change_detection'
    base = f'mmhsi::{_SMALL[task]}'.replace('{scale}', str(scale))
    return Recipe(base, _TEXTS[task])


RECOMMENDED = """
{recommended_scene}
"""

_SMALL = {
    'target_detection': 'target_detection/hypersigma-tiny_indian-pines-implanted.py',
    'anomaly_detection': 'anomaly_detection/hypersigma-tiny_indian-pines-implanted_anomaly.py',
    'change_detection': 'change_detection/hypersigma-tiny_hermiston.py',
    'unmixing': 'unmixing/hypersigma-tiny_samson.py',
    'denoising': 'denoising/hypersigma-tiny_indian-pines_complex.py',
    'super_resolution': 'super_resolution/hypersigma-tiny_indian-pines_x{scale}.py',
    'multispectral_change_detection': 'multispectral_change_detection/hypersigma-tiny_oscd.py',
}

_DETECTION = """
components = numbers.components
steps = [{select}dict(type='Standardize')]
scene = dict(
    _delete_=True,
    coarse=dict(detector='{detector}', preprocessing=steps),  # labels the pixels that the network learns from
    pseudo_shares=dict(background=0.9, target=0.01),  # of the pixels; a network from scratch needs many
    preprocessing=[*steps, dict(type='SpectralPCA', n_components=components, whiten=True)],
    **_base_.{scene},
)
train_dataloader = dict(dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
model = dict(
    data_preprocessor=dict(num_bands=components),
    backbone=dict(spatial=dict(in_channels=components)),{decode_head}
)
"""

_TEXTS = {
    'target_detection': _DETECTION.replace('{detector}', 'cem').replace(
        '{decode_head}', '\n    decode_head=dict(num_bands=components),'
    ),
    'anomaly_detection': _DETECTION.replace('{detector}', 'rx')
    .replace('{decode_head}', '')
    .replace('    data_preprocessor=dict(num_bands=components),\n', ''),
    'change_detection': """
scene = dict(
    _delete_=True,
    preprocessing=[{select}dict(type='Standardize')],
    joint=False,  # each date by its own statistics, which evens out the light
    **_base_.{scene},
)
train_dataloader = dict(dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
model = dict(backbone=dict(encoder=dict(spatial=dict(in_channels=numbers.bands))))
""",
    'unmixing': """
scene = dict(
    _delete_=True,
    preprocessing=[{select}{factor}],  # mixtures stay mixtures: bands are left out and scaled alike, nothing else
    initial_endmembers=dict(type='vca', seed=0),
    split=dict(type='CentreSplit', train=400, seed=0),  # centres of the windows that the network learns from
    **_base_.{scene},
)
train_dataloader = dict(dataset=dict(scene=scene))
test_dataloader = dict(dataset=dict(scene=scene))
test_evaluator = dict(scene=scene)
model = dict(
    backbone=dict(spatial=dict(in_channels=numbers.bands)),
    head=dict(num_endmembers=numbers.endmembers),
    decoder=dict(num_endmembers=numbers.endmembers, num_bands=numbers.bands),
)
""",
    'denoising': """
scene = dict(
    _delete_=True,
    split=dict(type='AreaSplit', train=numbers.train, val=numbers.val, test=numbers.test),
    fit_on='train',
    preprocessing=[{select}dict(type='PercentileScale')],
    **_base_.{scene},
)
train_dataloader = dict(dataset=dict(dataset=dict(scene=scene, areas=numbers.train)))
val_dataloader = dict(dataset=dict(scene=scene, areas=numbers.val))
test_dataloader = dict(dataset=dict(scene=scene, areas=numbers.test))
model = dict(
    generator=dict(
        backbone=dict(spatial=dict(in_channels=numbers.bands)),
        head=dict(num_bands=numbers.bands),
    )
)
""",
    'super_resolution': """
scene = dict(_delete_=True, preprocessing=[{select}{factor}], **_base_.{scene})
train_dataloader = dict(dataset=dict(scene=scene, areas=numbers.train))
val_dataloader = dict(dataset=dict(scene=scene, areas=numbers.val))
test_dataloader = dict(dataset=dict(scene=scene, areas=numbers.test))
model = dict(
    generator=dict(
        backbone=dict(spatial=dict(in_channels=numbers.bands)),
        head=dict(num_bands=numbers.bands),
    )
)
""",
    'multispectral_change_detection': """
scene = dict(_delete_=True, **dict(preprocessing=[], **_base_.{scene}))
train_dataloader = dict(dataset=dict(scene=scene, names=numbers.train, exclude=[]))
val_dataloader = dict(dataset=dict(scene=scene, names=numbers.val))
test_dataloader = dict(dataset=dict(scene=scene, names=numbers.test))
model = dict(backbone=dict(projection=dict(in_channels=numbers.bands)))
""",
}
