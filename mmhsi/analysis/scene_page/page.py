"""Write the page, or the part of a page, of a scene."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import markupsafe

import mmhsi
from mmhsi.utils.files import write_text


def page_environment() -> Environment:
    """Templates of this folder; ``script`` and ``style`` are the files of the page."""
    environment = Environment(
        loader=PackageLoader('mmhsi.analysis.scene_page', '.'),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(page_globals())
    return environment


def page_globals() -> dict[str, markupsafe.Markup]:
    """``script`` and ``style``, needed once by a page with scenes."""
    folder = Path(__file__).parent
    return {
        name: markupsafe.Markup((folder / f'scene_page.{suffix}').read_text(encoding='utf-8'))
        for name, suffix in (('script', 'js'), ('style', 'css'))
    }


def scene_fragment(name: str, data: Mapping[str, Any]) -> markupsafe.Markup:
    """The part of a page that shows a scene; the page needs ``script`` and ``style`` once.

    Args:
        name (str): Name of the scene, unique on its page.
        data (Mapping[str, Any]): What :func:`mmhsi.analysis.scene_page.scene_data` returns.
    """
    # '<' in a string would end the element that holds the data
    packed = markupsafe.Markup(json.dumps(data).replace('<', '\\u003c'))
    return markupsafe.Markup(
        page_environment().get_template('scene_fragment.html.j2').render(name=name, data=data, json=packed)
    )


def write_scene_page(
    path: str | Path, name: str, data: Mapping[str, Any], facts: Sequence[tuple[str, str]] = ()
) -> Path:
    """Write one self-contained HTML file about a scene.

    Args:
        path (str | Path): The file.
        name (str): Name of the scene.
        data (Mapping[str, Any]): What :func:`mmhsi.analysis.scene_page.scene_data` returns.
        facts (Sequence[tuple[str, str]]): Pairs of a word and a sentence about the scene.

    Returns:
        Path: The file.

    Raises:
        OSError: If it cannot be written.
    """
    text = (
        page_environment()
        .get_template('scene_page.html.j2')
        .render(name=name, fragment=scene_fragment(name, data), facts=list(facts), version=mmhsi.__version__)
    )
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    return path
