"""Print the facts about the machine that a bug report needs, as ``mmhsi info`` does."""

from mmhsi.cli.info import main, parse_args

__all__ = ['main', 'parse_args']

if __name__ == '__main__':
    main()
