"""Base of the hooks that choose the last stage of a network after its training and keep it in the checkpoint."""

from __future__ import annotations

from pathlib import Path

from mmengine.dist import barrier, is_main_process
from mmengine.hooks import Hook

from mmhsi.engine.resume import find_latest_checkpoint
from mmhsi.engine.run_checkpoints import best_checkpoint
from mmhsi.weights.checkpoint_file import parameters_of, read_checkpoint, write_checkpoint


class LastStageHook(Hook):
    """Base of the hooks that choose a last stage with the best state, or with the last one if there is no validation.

    The choice is written into the checkpoint of this state, as ``checkpoint['mmhsi'][name]``.

    Attributes:
        name (str): Key of the choice in the checkpoint; set by subclasses.
        record (dict): The choice of the checkpoint that was loaded, or of the training; empty without any.
    """

    priority = 'LOWEST'  # after the last checkpoint of the training is written
    name: str

    def __init__(self) -> None:
        self.record: dict = {}

    def choose(self, runner) -> dict:
        """Choose with the present state of the model; returns the record. Implemented by subclasses."""
        raise NotImplementedError

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Read the choice of a checkpoint."""
        self.record = dict((checkpoint.get('mmhsi') or {}).get(self.name) or {})

    def after_train(self, runner) -> None:
        """Choose, and store the choice in the checkpoint that will be tested."""
        path = best_checkpoint(runner) or find_latest_checkpoint(runner.work_dir)
        if path is None or not Path(path).is_file():
            runner.logger.warning(f'{type(self).__name__}: the run has no checkpoint; the choice is made by the test.')
            return
        checkpoint = read_checkpoint(path, mmap=False)
        last = {name: value.clone() for name, value in runner.model.state_dict().items()}
        state = parameters_of(checkpoint, path)
        # a wrapper of distributed training adds 'module.'
        runner.model.load_state_dict({name: state[name.removeprefix('module.')] for name in last})
        try:
            self.record = self.choose(runner)
        finally:
            runner.model.load_state_dict(last)
        if is_main_process():
            checkpoint.setdefault('mmhsi', {})[self.name] = self.record
            write_checkpoint(checkpoint, path)
        barrier()


def test_dataloader(runner):
    """The dataloader of the test, built if it has not been."""
    loader = runner._test_dataloader
    return runner.build_dataloader(loader) if isinstance(loader, dict) else loader
