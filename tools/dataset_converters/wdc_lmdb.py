r"""Convert the published denoising patches, an LMDB named wdc.db, to a store that PatchDataset reads.

    python tools/dataset_converters/wdc_lmdb.py data/wdc.db --out data/wdc_official/train

An LMDB of the official code is a folder with data.mdb, in which each patch is the bytes of a float32 array (bands,
rows, columns) under a number of eight digits, and meta_info.txt, whose lines 'NUMBER (rows,columns,bands)' state the
shapes. The same patches are written in the same order, as patches.npy (patches, rows, columns, bands) and patches.json.
Only this tool needs the package lmdb.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mmhsi.datasets import write_patches
from mmhsi.utils.command_line import run_tool
from mmhsi.utils.progress import progress_bar

SHAPES = 'meta_info.txt'


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('database', type=Path, help='folder of the LMDB')
    parser.add_argument('--out', type=Path, required=True, help='folder to write to')
    return parser.parse_args(argv)


def read_shapes(database: Path) -> dict[str, tuple[int, int, int]]:
    """(rows, columns, bands) of every patch, by its key.

    Raises:
        FileNotFoundError: If the folder or the text file does not exist.
        ValueError: If a line has another format.
    """
    path = database / SHAPES
    if not path.is_file():
        raise FileNotFoundError(
            f'{path}: no such file; the LMDB of the official code is a folder with data.mdb and {SHAPES}'
        )
    shapes = {}
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        match = re.fullmatch(r'(\d+) \((\d+), ?(\d+), ?(\d+)\)\s*', line)
        if match is None:
            raise ValueError(f"{path}, line {number}: expected 'NUMBER (ROWS,COLUMNS,BANDS)', found {line!r}")
        shapes[match[1]] = tuple(int(size) for size in match.groups()[1:])
    return shapes


def read_patches(database: Path) -> Iterator[np.ndarray]:
    """The patches (rows, columns, bands), in the order of their keys.

    Raises:
        ValueError: If a patch is missing or its number of bytes does not match its shape.
    """
    try:
        import lmdb
    except ImportError as error:
        raise ValueError('reading an LMDB needs the package lmdb: pip install lmdb') from error
    shapes = read_shapes(database)
    with (
        lmdb.open(str(database), readonly=True, lock=False, readahead=False) as environment,
        environment.begin() as transaction,
    ):
        if transaction.stat()['entries'] != len(shapes):
            raise ValueError(
                f'{database}: {transaction.stat()["entries"]} patches, but {SHAPES} has {len(shapes)} lines'
            )
        for key in progress_bar(sorted(shapes), 'converting', 'patches', after=2.0):
            rows, columns, bands = shapes[key]
            content = transaction.get(key.encode('ascii'))
            size, expected = 0 if content is None else len(content), 4 * rows * columns * bands
            if size != expected:
                raise ValueError(
                    f'{database}: patch {key} has {size} bytes, expected {expected} for {bands} bands of '
                    f'{rows} x {columns} float32 values'
                )
            yield np.moveaxis(np.frombuffer(content, np.float32).reshape(bands, rows, columns), 0, -1)


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    try:
        count = write_patches(args.out, read_patches(args.database), dict(source=args.database.name))
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(str(error)) from None
    print(f'{args.out}: {count} patches')


if __name__ == '__main__':
    run_tool(main)
