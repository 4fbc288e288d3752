"""The command ``mmhsi``. Each subcommand is an entry of :data:`COMMANDS`; its module is imported when it is called."""

from __future__ import annotations

import difflib
import importlib
import os
import sys

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
    after the networks were imported are shown with their traceback.
    """
    argv = sys.argv[1:] if argv is None else argv
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, 'reconfigure'):  # a name of a file that the terminal cannot show ends no command
            stream.reconfigure(errors='backslashreplace')
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
    try:
        status = getattr(importlib.import_module(module), function)(argv[1:])
        if sys.stdout is not None:  # it is None if the output is closed from the start
            sys.stdout.flush()
    except BrokenPipeError:  # the program that reads the output has ended, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the flush at the end finds a reader
        return 128 + 13  # as if ended by SIGPIPE
    except KeyboardInterrupt:
        print(f'mmhsi {name}: interrupted', file=sys.stderr)
        return 128 + 2  # as if ended by SIGINT
    except (OSError, ValueError, KeyError, SyntaxError) as error:
        if sys.modules.get('torch') is not None:
            raise
        print(f'mmhsi {name}: error: {error}', file=sys.stderr)
        return 2
    return int(status) if isinstance(status, int) else 0
