"""The table printed by benchmarks of several seeds."""

from collections.abc import Mapping, Sequence

import numpy as np
from prettytable import PrettyTable


def print_table(
    title: str, runs: Sequence[Mapping[str, Mapping[str, float]]], digits: Mapping[str, int], seconds_digits: int = 0
) -> None:
    """Print mean and standard deviation over the runs.

    Args:
        title (str): Heading of the column of the methods.
        runs (Sequence[Mapping[str, Mapping[str, float]]]): For each run, the scores and 'seconds' by method.
        digits (Mapping[str, int]): Decimals of each score, in the order of the columns.
        seconds_digits (int): Decimals of the mean of the seconds. Defaults to 0.
    """
    table = PrettyTable([title, *digits, 'seconds'])
    table.align = 'r'
    table.align[title] = 'l'
    for method in runs[0]:
        values = {score: [run[method][score] for run in runs] for score in (*digits, 'seconds')}
        table.add_row(
            [
                method,
                *(
                    f'{np.mean(values[score]):.{places}f} ± {np.std(values[score]):.{places}f}'
                    for score, places in digits.items()
                ),
                f'{np.mean(values["seconds"]):.{seconds_digits}f}',
            ]
        )
    print(table, flush=True)
