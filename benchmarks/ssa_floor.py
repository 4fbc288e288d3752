"""Least memory traffic and arithmetic of sparse sampling attention, and the traffic of its GPU kernels, by size.

    python benchmarks/ssa_floor.py --bandwidth 4.8 --dtype bfloat16

Rows are those of one head, of d numbers. The floor: each of query, key, value, offsets and their gradients, the result
and its gradient is read or written once. The kernels read it from memory at that rate at best, but each query touches
4 P cells: `gathered` is what its program loads through the first-level cache of a multiprocessor, 128 bytes in a cycle;
of that, whatever neighbours in a block have not loaded before comes from the second level. `atomic` is the traffic of a
backward pass that adds to the gradients of keys and values, always in float32, in the second-level cache.
"""

import argparse
from dataclasses import dataclass

HEADS, DIMS, POINTS = 12, 64, 8
BATCHES = {8: 8, 16: 8, 32: 2, 64: 1, 128: 1}
# NVIDIA's data sheet and tuning guide of the H200 (SXM): memory; 132 multiprocessors of 128 bytes and of 128
# multiplications with addition in a cycle of 1.98 GHz
BANDWIDTH, CACHE, FLOPS = 4.8e12, 132 * 128 * 1.98e9, 132 * 256 * 1.98e9


@dataclass
class Counts:
    """Bytes and operations of one pass."""

    floor: int
    moved: int
    gathered: int
    atomic: int
    flops: int


def count(
    batch: int,
    side: int,
    size: int,
    backward: bool,
    heads: int = HEADS,
    dims: int = DIMS,
    points: int = POINTS,
    rows_of_cells: int = 8,
) -> Counts:
    """Count for tensors of ``size`` bytes a number.

    Args:
        batch, side, heads, dims, points: Images, tokens in a row and column, heads, their width and their points.
        size: Bytes of a number.
        backward: Only the backward pass instead of the forward pass.
        rows_of_cells: Cells of a column that a program of the last kernel takes.
    """
    queries = batch * heads * side**2
    row, places = queries * dims * size, queries * points * 2 * size
    if not backward:
        floor = 4 * row + places
        return Counts(floor, floor + 4 * queries, 2 * 4 * points * row, 0, 20 * queries * points * dims)
    floor = 7 * row + 2 * places  # query, key, value, gradient of the result; three gradients
    # each point is read from the two adjacent columns, and once more by each further program of a column
    looks = 2 * (1 + 1 / min(rows_of_cells, side))
    entries = queries * points
    sort = entries * (4 + 4 * 2 * (4 + 8) + 8)  # keys written; four passes over keys and places; places read
    shares = entries * 8 * (1 + looks)
    moved = floor + row + 4 * queries + int(sort + shares + looks * (places + 8 * entries))
    gathered = int(2 * 4 * points * row + looks * 2 * points * row)
    return Counts(
        floor, moved, gathered, 2 * 4 * points * queries * dims * 4, int((24 + 4 * looks * 2) * queries * points * dims)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bandwidth', type=float, default=BANDWIDTH / 1e12, help='TB/s of the memory (default: 4.8)')
    parser.add_argument('--dtype', default='bfloat16', choices=['float32', 'bfloat16'])
    args = parser.parse_args()
    size = 4 if args.dtype == 'float32' else 2
    print(
        '| tokens, images | pass | floor | moved | gathered | atomic | floor | gathered | products |\n'
        '| --- | --- | --- | --- | --- | --- | --- | --- | --- |'
    )
    for side, batch in BATCHES.items():
        for backward in (False, True):
            found = count(batch, side, size, backward)
            sizes = ' | '.join(
                f'{value / 1e6:.1f} MB' for value in (found.floor, found.moved, found.gathered, found.atomic)
            )
            times = ' | '.join(
                f'{1e6 * value:.1f} µs'
                for value in (found.floor / args.bandwidth / 1e12, found.gathered / CACHE, found.flops / FLOPS)
            )
            print(f'| {side} x {side}, {batch} | {"backward" if backward else "forward"} | {sizes} | {times} |')


if __name__ == '__main__':
    main()
