"""A scene in one HTML page without a network: pictures and maps with the spectrum under the pointer."""

from .data import scene_data
from .main import main
from .page import scene_fragment, write_scene_page

__all__ = ['main', 'scene_data', 'scene_fragment', 'write_scene_page']
