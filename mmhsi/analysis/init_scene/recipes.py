"""The config of each task for your own scene: its base, and the values that it takes from the dataset file."""

from __future__ import annotations

PLACES = 'mmhsi::multispectral_change_detection/hypersigma-tiny_oscd.py'
"""What learns from many places, each with two dates."""

PLACES_TEXT = """
numbers = _base_.{numbers}
scene = dict(_delete_=True, **dict(preprocessing=[], **_base_.{scene}))
train_dataloader = dict(dataset=dict(scene=scene, names=numbers.train, exclude=[]))
val_dataloader = dict(dataset=dict(scene=scene, names=numbers.val))
test_dataloader = dict(dataset=dict(scene=scene, names=numbers.test))
model = dict(backbone=dict(projection=dict(in_channels=numbers.bands)))
"""


def config_text(task: str, scene: str, numbers: str, places: bool, left_out: bool, scale: int) -> tuple[str, str]:
    """The base of a new config, and the text after ``_base_``.

    Args:
        task (str): Name of the task.
        scene (str): Name of the scene's dict in the dataset file.
        numbers (str): Name of the dict of numbers there.
        places (bool): Whether the scene stands for many places.
        left_out (bool): Whether bands are left out by their number.
        scale (int): Factor of super-resolution.

    Returns:
        tuple[str, str]: The value of ``_base_``, and the text.
    """
    if places:
        return PLACES, PLACES_TEXT.replace('{numbers}', numbers).replace('{scene}', scene)
    steps = ''
    if left_out:
        others = '' if task == 'unmixing' else ', *_base_.scene.preprocessing'  # whose recommended scene has no step
        steps = f", preprocessing=[dict(type='SelectBands', exclude=_base_.{numbers}.left_out){others}]"
    text = f'\nscene = dict(_delete_=True, **dict(_base_.scene, **_base_.{scene}{steps}))\n'
    if task == 'super_resolution':
        text += f'scene_settings = dict(scale={scale})\n'
    return f'mmhsi::recommended/{task}.py', text
