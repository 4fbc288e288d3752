"""Making the state before the first iteration a candidate for the best state."""

from mmengine.hooks import Hook

from mmhsi.registry import HOOKS


@HOOKS.register_module()
class InitialStateHook(Hook):
    """Validate before the first iteration, so that iteration zero is a candidate for the best state.

    For networks that start from the result of a classical method: training then cannot end worse than it started, as
    measured by the validation. It needs ``save_best`` of the checkpoint hook and has no effect when a training is
    resumed.
    """

    priority = 'LOWEST'  # after the checkpoint hook has found its folder and all others have set the initial state

    def before_train(self, runner) -> None:
        """Run the validation loop.

        Raises:
            ValueError: If the training has no validation.
        """
        if runner.iter:
            return
        if runner.val_loop is None:
            raise ValueError(
                'InitialStateHook validates the state before the first iteration, but the config has no '
                'validation (val_dataloader, val_evaluator, val_cfg)'
            )
        runner.val_loop.run()
        runner.model.train()
