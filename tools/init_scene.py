"""Write a dataset file and a config for a scene of your own; see ``python tools/init_scene.py --help``.

python tools/init_scene.py cube.tif labels.tif --task classification
python tools/init_scene.py before.mat after.mat changes.mat --task change_detection --out experiments
"""

from mmhsi.analysis.init_scene.main import main, parse_args
from mmhsi.utils.command_line import run_tool

__all__ = ['main', 'parse_args']

if __name__ == '__main__':
    run_tool(main, before_networks=True)
