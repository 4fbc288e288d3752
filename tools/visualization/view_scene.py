"""Write one HTML page about a scene, with the spectrum under the pointer; see ``--help``.

python tools/visualization/view_scene.py cube.tif labels.tif
python tools/visualization/view_scene.py scene.mat --key cube --wavelengths 400 700 -o scene.html
"""

from mmhsi.analysis.scene_page.main import main, parse_args
from mmhsi.utils.command_line import run_tool

__all__ = ['main', 'parse_args']

if __name__ == '__main__':
    run_tool(main, before_networks=True)
