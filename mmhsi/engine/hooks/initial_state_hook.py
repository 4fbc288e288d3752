"""The state before the first iteration takes part in the choice of the best one."""

from mmengine.hooks import Hook

from mmhsi.registry import HOOKS


@HOOKS.register_module()
class InitialStateHook(Hook):
    """Validate before the first iteration, so that iteration zero is a candidate for the best state.

    For networks that start from the answer of a classical method: a training then cannot end below its start, as far as
    the validation tells. It needs ``save_best`` of the checkpoint hook. A training that is resumed does nothing.
    """

    priority = 'LOWEST'  # after the checkpoint hook has found its folder and all others have set the initial state

    def before_train(self, runner) -> None:
        """Run the validation loop.

        Raises:
            ValueError: For a training without validation.
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
