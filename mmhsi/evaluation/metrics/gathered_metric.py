"""Base of all metrics of mmhsi: gathers all results of all processes."""

from mmengine.dist import get_world_size
from mmengine.evaluator import BaseMetric


class GatheredMetric(BaseMetric):
    """A metric whose ``compute_metrics`` gets one list of results per process and handles repeated samples itself."""

    results: list
    _dataset_size: int | None = None

    def evaluate(self, size: int) -> dict:
        """Gather all processes and evaluate.

        Args:
            size (int): Number of samples in the dataset.

        Returns:
            dict: The metrics, on every process.
        """
        self._dataset_size = size
        # One part per process: MMEngine would otherwise cut the gathered list to `size` entries, which is right only
        # for samplers that distribute the dataset in turn.
        self.results = [list(self.results)]
        return super().evaluate(get_world_size())
