"""Writing the results of a test: metrics, pictures and maps."""

from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from mmhsi.datasets.scenes.scene_lookup import find_scenes
from mmhsi.engine.runner_parts import scene_results
from mmhsi.registry import HOOKS
from mmhsi.tasks import make_task, task_name, write_results


@HOOKS.register_module()
class SceneResultHook(Hook):
    """Write the results of a test into ``<work_dir>/<time>/results``.

    ``metrics.json`` holds the metrics of the run and, for every scene, its scores and pixel counts. The products and
    pictures of each scene depend on the task, see :mod:`mmhsi.tasks`; the products are those of a prediction.

    Args:
        out_dir (str): Name of the folder below the log folder of the run. Defaults to 'results'.
    """

    priority = 'LOW'

    def __init__(self, out_dir: str = 'results') -> None:
        self.out_dir = out_dir

    def after_test_epoch(self, runner, metrics: dict | None = None) -> None:
        """Write everything, on the main process.

        Args:
            runner (Runner): The runner; its test evaluator holds a metric with ``scene_results``.
            metrics (dict, optional): The metrics of the run.
        """
        if not is_main_process():
            return
        results = scene_results(runner)
        if not results:
            runner.logger.warning('SceneResultHook found no metric with scene results: nothing is written')
            return
        folder = results_folder(runner)
        scenes = {scene.name: scene for scene in find_scenes(runner.test_dataloader.dataset)}
        write_results(folder, results, metrics, scenes, _task(runner.cfg))
        runner.logger.info(f'Results of {", ".join(results)} are in {folder}')


def results_folder(runner) -> Path:
    """The folder of the results of a test, as configured in the :class:`SceneResultHook` of the run."""
    names = [hook.out_dir for hook in runner.hooks if isinstance(hook, SceneResultHook)]
    return Path(runner.log_dir) / (names[0] if names else 'results')


def _task(cfg):
    """The task of the config; None if it defines none."""
    try:
        return make_task(task_name(cfg))
    except ValueError:
        return None
