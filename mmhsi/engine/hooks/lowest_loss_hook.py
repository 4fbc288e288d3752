"""Keeping the state with the lowest training or validation loss."""

from pathlib import Path

import torch
from mmengine.dist import all_reduce, is_main_process
from mmengine.hooks import Hook

from mmhsi.engine.run_checkpoints import BEST_NOTE
from mmhsi.engine.runner_parts import bare_model
from mmhsi.registry import HOOKS
from mmhsi.utils.files import write_text

from .safe_checkpoint_hook import SafeCheckpointHook

_RUNNING, _LOWEST, _BEST = 'loss_of_this_epoch', 'lowest_loss', 'lowest_loss_file'  # in the message hub


@HOOKS.register_module()
class LowestLossHook(Hook):
    """Keep the state of the epoch with the lowest loss as ``best_loss_epoch_N.pth``.

    The published classification of HyperSIGMA chooses its state in this way: by the training loss in the window
    protocol, by the validation loss in the tile protocol, checked every tenth epoch, starting with the first. The
    losses of all batches are summed.

    Args:
        subset (str): 'train' uses the losses that the training steps return, 'val' runs the validation data through the
            model in evaluation mode. Defaults to 'train'.
        interval (int): The loss is checked after epochs 1, 1 + ``interval``, 1 + 2 ``interval``, and so on. Defaults to
            10.

    Raises:
        ValueError: If the subset is unknown or the interval below 1; when training starts, if the runner has no
            ``SafeCheckpointHook``, or no validation data although they are needed.
    """

    priority = 'LOW'  # before checkpoints are saved, which store the lowest loss for a resumed run

    def __init__(self, subset: str = 'train', interval: int = 10) -> None:
        if subset not in ('train', 'val') or interval < 1:
            raise ValueError(f"subset must be 'train' or 'val', interval at least 1, found {subset!r} and {interval}")
        self.subset = subset
        self.interval = interval
        self.best_ckpt_path: str | None = None

    def before_train(self, runner) -> None:
        """Find the checkpoint hook, and the lowest loss of a resumed run."""
        self._saver = next((hook for hook in runner.hooks if isinstance(hook, SafeCheckpointHook)), None)
        if self._saver is None:
            raise ValueError('LowestLossHook saves through a SafeCheckpointHook: add one as default_hooks.checkpoint')
        if self.subset == 'val' and runner.val_loop is None:
            raise ValueError("LowestLossHook(subset='val') needs val_dataloader, val_cfg and val_evaluator")
        if _BEST in runner.message_hub.runtime_info:
            self.best_ckpt_path = runner.message_hub.get_info(_BEST)

    def before_train_epoch(self, runner) -> None:
        """Start a new sum, unless the run resumes within an epoch."""
        if _RUNNING not in runner.message_hub.runtime_info:
            runner.message_hub.update_info(_RUNNING, 0.0)

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Add the loss of a batch."""
        runner.message_hub.update_info(
            _RUNNING, runner.message_hub.get_info(_RUNNING, 0.0) + float(outputs['loss'].detach())
        )

    def after_train_epoch(self, runner) -> None:
        """Compare the loss with the lowest one so far."""
        hub = runner.message_hub
        trained = hub.pop_info(_RUNNING)
        if runner.epoch % self.interval:
            return
        loss = trained if self.subset == 'train' else self._validation_loss(runner)
        runner.logger.info(f'loss of the {self.subset} subset in epoch {runner.epoch + 1}: {loss:.6g}')
        if not loss < hub.get_info(_LOWEST, float('inf')):
            return
        hub.update_info(_LOWEST, loss)
        name = f'best_loss_epoch_{runner.epoch + 1}.pth'
        previous, self.best_ckpt_path = self.best_ckpt_path, str(Path(self._saver.out_dir, name))
        hub.update_info(_BEST, self.best_ckpt_path)
        self._saver.save(runner, name, save_optimizer=False, save_param_scheduler=False)
        if is_main_process():
            write_text(Path(runner.work_dir, BEST_NOTE), self.best_ckpt_path)
            if previous not in (None, self.best_ckpt_path):
                Path(self._saver.out_dir, Path(previous).name).unlink(missing_ok=True)  # never in a folder copied from

    @staticmethod
    def _validation_loss(runner) -> float:
        model = bare_model(runner)
        training = model.training
        model.eval()
        total = torch.zeros(1, device=next(model.parameters()).device)
        with torch.no_grad():
            for batch in runner.val_dataloader:
                losses = model(**model.data_preprocessor(batch, False), mode='loss')
                total += model.parse_losses(losses)[0]
        model.train(training)
        all_reduce(total)
        return total.item()
