"""List the models of the zoo, each with its config.

    mmhsi models
    mmhsi models tiny                                   (names that contain this)
    mmhsi models "hypersigma-*" --task classification
    mmhsi models --pretrained                           (with published weights)

mmhsi predict takes such a name as its config; all commands take 'mmhsi::' and the path below configs/.
"""

import argparse

from prettytable import PrettyTable

from mmhsi.inference.zoo import find_model, list_models, zoo_root
from mmhsi.utils.command_line import command_parser


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = command_parser(__doc__)
    parser.add_argument('pattern', nargs='?', help='part of the name, or a pattern with * and ?')
    parser.add_argument('--task', help="only the models of a task, such as 'classification'")
    parser.add_argument('--pretrained', action='store_true', help='only those with published weights')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Print the table; returns 1 if no model matches."""
    args = parse_args(argv)
    names = list_models(args.pattern, args.task, args.pretrained)
    table = PrettyTable(['model', 'config', 'weights'])
    table.align = 'l'
    configs = zoo_root() / 'configs'
    for name in names:
        entry = find_model(name)
        config = f'mmhsi::{entry.config.relative_to(configs).as_posix()}'
        table.add_row([name, config, entry.weights or '-'])
    print(table if names else f'no model matches; {len(list_models())} models are listed by "mmhsi models"')
    return int(not names)
