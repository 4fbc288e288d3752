"""Short runs of whole configs on look-alikes of their datasets, for the tests of every folder of configs.

@pytest.fixture(scope='module')
def data_root(tmp_path_factory):
    return look_alikes(tmp_path_factory.mktemp('data'), ['mosaic', 'aviris'])

def test_config_trains_and_tests(config, data_root, tmp_path, monkeypatch):
    monkeypatch.setenv('MMHSI_DATA', str(data_root))
    results = train_and_test(quick(config, tmp_path))
"""

import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config, ConfigDict
from narrow_models import ARCH, WIDTH

from mmhsi.engine.distributed import build_runner
from mmhsi.models.backbones.sampling_vit import ARCH_ZOO

_numbers = itertools.count()
ROOT = Path(__file__).parents[1]
PUBLISHED = ('base', 'large', 'huge')
SLOW = dict(
    MCNet=dict(channels=2, num_modules=1),
    MambaHSI=dict(channels=4, num_blocks=1),
    QRNN3D=dict(channels=2, num_units=1, halving=(0,)),
)
SAMPLES = {'WindowDataset': 8}  # of a dataset, 1 of any other


def configs_of(folder: str) -> list[Path]:
    """The config files of a folder below ``configs``, sorted."""
    return sorted((ROOT / 'configs' / folder).glob('*.py'))


def scene_of(path: Path) -> str:
    """Name of the scene in the name of a config file."""
    return path.stem.split('_')[1]


def trained(paths: Sequence[Path]) -> list[Path]:
    """The configs that the tests train: those of L and H are the one of B with narrow encoders, see test_archs.py."""
    return [path for path in paths if not any(f'-{arch}_' in path.stem for arch in PUBLISHED[1:])]


def look_alikes(root: Path, names: Sequence[str], seed: int = 0) -> Path:
    """Write look-alikes of the named datasets (folders below the data root); returns the root."""
    folder = str(ROOT / 'tools/misc')
    if folder not in sys.path:
        sys.path.append(folder)
    from toy_data import make

    make(root, names, seed)
    return root


def product_look_alikes(root: Path, names: Sequence[str]) -> dict[str, Path]:
    """Write look-alikes of sensor products, each into a folder of its name; what a user would open, by name."""
    folder = str(ROOT / 'tools/misc')
    if folder not in sys.path:
        sys.path.append(folder)
    from toy_data import write_product

    return {name: write_product(name, root / name) for name in names}


def _dicts(node: Any):
    """Every dict of a config, the outer before the inner ones."""
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else ():
        yield from _dicts(inner)


def _narrow(channels: Any, width: int) -> Any:
    """A number of channels, or several, of encoders of a width, for the narrow encoders."""
    if isinstance(channels, (list, tuple)):
        return type(channels)(_narrow(value, width) for value in channels)
    if isinstance(channels, int) and channels % width == 0:
        return channels // width * WIDTH
    return channels


def shrink(model: ConfigDict) -> None:
    """Replace every published encoder by a narrow one of four blocks, and fit all that takes its channels.

    Networks of 3-D convolutions or scans, which are slow, become narrow too.
    """
    for node in _dicts(model):
        node.update(SLOW.get(node.get('type'), {}))
    branches = [node for node in _dicts(model) if node.get('arch') in PUBLISHED]
    if not branches:
        return
    (width,) = {ARCH_ZOO[branch.arch]['embed_dims'] for branch in branches}
    for branch in branches:
        branch.arch = dict(ARCH)
    for node in _dicts(model):
        if node.get('type') == 'RefinementTransformer':
            node.num_layers = 1  # its grid has every pixel of a tile
        for key in [key for key in node if key.endswith('channels')]:
            node[key] = _narrow(node[key], width)


def use_checkpoint(model: ConfigDict, checkpoint: str | None) -> None:
    """Let every part that starts from a checkpoint start from this one; with None from random weights."""
    for node in list(_dicts(model)):
        init_cfg = node.get('init_cfg')
        if isinstance(init_cfg, dict) and init_cfg.get('type') in ('Pretrained', 'PretrainedEncoder'):
            if checkpoint is None:
                del node['init_cfg']
            else:
                init_cfg.checkpoint = checkpoint


def limit_samples(dataset: ConfigDict) -> None:
    """Keep the first samples of a dataset, and of those inside it; of several scenes those that lie below its root."""
    inner = [*dataset.get('datasets', []), *([dataset.dataset] if 'dataset' in dataset else [])]
    for part in inner:
        limit_samples(part)
    if not inner:
        dataset.indices = SAMPLES.get(dataset.type, 1)
    if dataset.type == 'RepeatDataset':
        dataset.times = 1
    for key in ('names', 'exclude'):
        if key in dataset:
            dataset[key] = [name for name in dataset[key] if (Path(dataset.scene.data_root) / name).is_dir()]


def quick(path: Path, work_dir: Path, checkpoint: str | None = None) -> Config:
    """A config that trains a few iterations of a small batch, validates, and tests a few samples.

    Args:
        path (Path): The config file.
        work_dir (Path): Folder of the run.
        checkpoint (str, optional): File that takes the place of every pre-trained one that the config names. By default
            the model starts from random weights.

    Returns:
        Config: The config, its base encoders narrow.
    """
    # A run lays out its config in PEP 8 seven times, which takes longer than this training.
    cfg = Config(Config.fromfile(path).to_dict(), filename=str(path), format_python_code=False)
    cfg.work_dir = str(work_dir)
    cfg.load_from = None
    by_epoch = cfg.train_cfg.get('by_epoch', cfg.train_cfg.get('type') == 'EpochBasedTrainLoop')
    if by_epoch:
        cfg.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=2, val_interval=2)
    else:
        cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2, val_interval=2)
    cfg.param_scheduler = []
    cfg.default_hooks.checkpoint.update(by_epoch=by_epoch, interval=2, save_optimizer=False)
    for name in ('train', 'val', 'test'):
        loader = cfg.get(f'{name}_dataloader')
        if loader is not None:
            loader.update(
                num_workers=0, persistent_workers=False, drop_last=False, batch_size=min(loader.batch_size, 4)
            )
            limit_samples(loader.dataset)
    use_checkpoint(cfg.model, checkpoint)
    shrink(cfg.model)
    return cfg


def train_and_test(cfg: Config) -> Path:
    """Run the config; returns the folder of the results of its test."""
    cfg.experiment_name = f'{cfg.get("experiment_name") or "run"}-{next(_numbers)}'  # or runs of one second share logs
    runner = build_runner(cfg)
    runner.train()
    runner.test()
    return Path(runner.log_dir) / 'results'


def restored_and_scored(cfg: Config, scores: set[str]) -> tuple[Path, dict]:
    """Run a config of restoration; the folder of its results, and its metrics, which hold these scores."""
    results = train_and_test(cfg)
    written = json.loads((results / 'metrics.json').read_text())
    assert scores | {f'input_{score}' for score in scores} <= set(written['metrics'])
    assert all(np.isfinite(value) for value in written['metrics'].values())
    return results, written
