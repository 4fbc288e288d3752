"""The command ``mmhsi``. Each subcommand is an entry of :data:`COMMANDS`; its module is imported when it is called."""

from __future__ import annotations

import difflib
import importlib
import sys

from mmhsi.utils.command_line import run_program

COMMANDS: dict[str, tuple[str, str]] = {
    'init': ('mmhsi.analysis.init_scene.main:main', 'write dataset file and config for a scene of your own'),
    'view': (
        'mmhsi.analysis.scene_page.main:main',
        'write one HTML page of a scene, with the spectrum under the pointer',
    ),
    'train': ('mmhsi.cli.train:main', 'train the model of a config'),
    'test': ('mmhsi.cli.test:main', 'evaluate a checkpoint with the test set and metrics of a config'),
    'predict': ('mmhsi.cli.predict:main', 'predict scenes and write maps, scores, abundances, restored cubes'),
    'baseline': ('mmhsi.cli.baseline:main', 'evaluate classical methods on the scenes of a config'),
    'report': ('mmhsi.cli.report:main', 'write one HTML file about a run'),
    'export': ('mmhsi.cli.export:main', 'write a trained network as ONNX or as a torch.export program'),
    'models': ('mmhsi.cli.models:main', 'list the models of the zoo'),
    'data': ('mmhsi.cli.data:main', 'check the files of a dataset or of a config'),
    'info': ('mmhsi.cli.info:main', 'print versions and devices, for a bug report'),
}
"""Subcommands: 'module:function' and a description. The function takes the arguments and may return an exit status."""

_EXAMPLES = """examples:
  mmhsi init cube.tif labels.tif --task classification
  mmhsi models tiny
  mmhsi train mmhsi::classification/hypersigma-tiny_cls_indian-pines.py
  mmhsi test mmhsi::classification/hypersigma-tiny_cls_indian-pines.py best
  mmhsi predict scene.tif -w work_dirs/hypersigma-tiny_cls_indian-pines/epoch_50.pth -o maps
  mmhsi COMMAND --help"""


def overview() -> str:
    """The text of ``mmhsi --help``."""
    lines = [f'  {name:<10}{text}' for name, (_, text) in COMMANDS.items()]
    return '\n'.join(['usage: mmhsi COMMAND [ARGUMENT ...]', '', 'commands:', *lines, '', _EXAMPLES])


def main(argv: list[str] | None = None) -> int:
    """Run a subcommand; returns the exit status.

    Errors in the arguments, or in the files that they name, are printed as one sentence, with the status 2. Errors
    after the networks were imported are shown with their traceback, except those of the output.
    """
    argv = sys.argv[1:] if argv is None else argv
    name = f'mmhsi {argv[0]}' if argv and argv[0] in COMMANDS else 'mmhsi'
    return run_program(lambda: _run(argv), name, before_networks=True)


def _run(argv: list[str]) -> object:
    if not argv or argv[0] in ('-h', '--help', 'help'):
        print(overview())
        return 0
    if argv[0] in ('-V', '--version'):
        from mmhsi.version import __version__

        print(f'mmhsi {__version__}')
        return 0
    name = argv[0]
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f'; did you mean {near[0]}?' if near else f'; expected one of {", ".join(COMMANDS)}'
        print(f'mmhsi: error: there is no command {name!r}{hint}', file=sys.stderr)
        return 2
    module, _, function = COMMANDS[name][0].partition(':')
    sys.argv = [f'mmhsi {name}', *argv[1:]]  # which parsers take their name from
    return getattr(importlib.import_module(module), function)(argv[1:])
