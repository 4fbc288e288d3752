"""Check every file of a dataset, as ``mmhsi data`` does."""

from mmhsi.cli.data import main, parse_args

__all__ = ['main', 'parse_args']

if __name__ == '__main__':
    main()
