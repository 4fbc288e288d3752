"""A dataset that returns each sample in all eight poses."""

from mmengine.dataset import RepeatDataset

from mmhsi.datasets.sample_seeds import seed_sample
from mmhsi.registry import DATASETS


@DATASETS.register_module()
class EightPoses(RepeatDataset):
    """Every sample of a dataset in the eight poses of :func:`mmhsi.datasets.transforms.dihedral`: item i is sample
    i // 8 in pose i % 8.

    Each sample thus occurs eight times in an epoch, as in the super-resolution of HyperSIGMA. The pipeline of the
    dataset must contain a ``Dihedral``, which applies the 'pose' set here.

    Args:
        dataset (dict | BaseDataset): The dataset.
        lazy_init (bool): Whether to list the samples only when the first one is needed. Defaults to False.
    """

    def __init__(self, dataset, lazy_init: bool = False) -> None:
        super().__init__(DATASETS.build(dataset) if isinstance(dataset, dict) else dataset, 8, lazy_init)

    def _get_ori_dataset_idx(self, idx: int) -> int:
        return idx // 8

    def get_data_info(self, idx: int) -> dict:
        """Information on the sample before the pipeline, and the pose."""
        return {**super().get_data_info(idx), 'pose': idx % 8}

    def __getitem__(self, idx: int):
        self.full_init()
        seed_sample(idx)
        return self.dataset.pipeline(self.get_data_info(idx))
