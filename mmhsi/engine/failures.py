"""Error messages for external failures of a run: data workers that die, processes that do not respond."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.runner import BaseLoop

from mmhsi.engine.distributed import why_silent
from mmhsi.utils.worker_samples import last_sample

_DEAD = re.compile(r'DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\) (.*)', re.DOTALL)
_LOOPS = ('train', 'val', 'test')


@contextmanager
def explained_failures(runner) -> Iterator[None]:
    """While the body runs, name the sample at which a data worker died, or the process that does not respond.

    Args:
        runner (Runner): The runner whose training or test is the body.

    Raises:
        RuntimeError: If a worker died, with its process, its sample and information on the sample; if another process
            did not respond, with its rank.
    """
    try:
        yield
    except RuntimeError as error:
        match = _DEAD.search(str(error))
        if match is None:
            sentence = why_silent(error)
            if sentence is None:
                raise
            raise RuntimeError(sentence) from error
        workers = [int(number) for number in match[1].split(',')]
        reports = [f'worker {worker} {_where(runner, worker)}' for worker in workers]
        raise RuntimeError(
            f'a data worker died ({match[2].strip().splitlines()[0].rstrip(". ")}): '
            f'{"; ".join(reports)}. A worker that is killed has usually run out of memory: fewer '
            'workers, smaller windows or num_workers=0 need less'
        ) from error


def _where(runner, worker: int) -> str:
    index = last_sample(worker)
    if index is None:
        return 'had not begun a sample'
    described = ', '.join(f'{name}: {text}' for name in _LOOPS if (text := _describe(runner, name, index)))
    return f'was at sample {index} ({described})' if described else f'was at sample {index}'


def _describe(runner, name: str, index: int) -> str:
    """Description of a sample by the dataset of a loop with data workers."""
    loop = getattr(runner, f'_{name}_loop')
    if not isinstance(loop, BaseLoop) or not loop.dataloader.num_workers:
        return ''
    dataset = loop.dataloader.dataset
    if not hasattr(dataset, 'get_data_info') or index >= len(dataset):
        return ''
    info = dataset.get_data_info(index)
    items = info.items() if isinstance(info, dict) else ()
    return ', '.join(f'{key} {value}' for key, value in items if isinstance(value, (str, int, float, tuple)))
