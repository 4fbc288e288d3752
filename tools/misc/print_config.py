"""Print a config with everything it inherits."""

import argparse

from mmhsi.utils.command_line import add_config_arguments, load_config, run_tool


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_arguments(parser)
    print(load_config(parser.parse_args(argv)).pretty_text)


if __name__ == '__main__':
    run_tool(main, before_networks=True)
