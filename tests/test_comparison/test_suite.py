"""What suites say, and the cells that come of it."""

from pathlib import Path

import pytest

from mmhsi.comparison.suite import load_suite, slug

ROOT = Path(__file__).parents[2]
NETWORK = """
randomness = dict(seed=0)
scene = dict(type='Scene', image='cube.npy', split=dict(type='NumberSplit', train=10, seed=0), preprocessing=['PCA'])
train_dataloader = dict(dataset=dict(type='RepeatDataset', dataset=dict(scene=scene)))
test_dataloader = dict(dataset=dict(scene=scene))
test_evaluator = dict(scene=scene)
model = dict(depth=18)
"""
SUITE = """
contestants = [
    dict(name='ResNet-18', config='network.py', cfg_options={'model.depth': 34}),
    dict(name='SVM, raw', config='network.py', method='svm', options=dict(seed='{seed}', folds=3),
         scene=dict(preprocessing=[]), settings=['10 %'], seeds=(5, 6)),
]
settings = {
    '3 per class': dict(scene=dict(split=dict(type='NumberSplit', train=3))),
    '10 %': dict(scene=dict(split=dict(type='RatioSplit', train=0.1), fit_on='train', start=dict(seed='{seed}')),
                 customary='3 per class'),
}
scores = dict(OA=4)
seeds = (0, 5)
"""


def write(folder: Path, suite: str = SUITE) -> Path:
    (folder / 'network.py').write_text(NETWORK)
    path = folder / 'compare.py'
    path.write_text(suite)
    return path


def test_cells_are_settings_by_seeds_by_contestants(tmp_path):
    suite = load_suite(write(tmp_path))
    assert [cell.name for cell in suite.cells] == [
        '3-per-class/resnet-18/seed0',
        '3-per-class/resnet-18/seed5',
        '10-percent/resnet-18/seed0',
        '10-percent/resnet-18/seed5',
        '10-percent/svm-raw/seed5',
        '10-percent/svm-raw/seed6',
    ]
    assert [cell.seed for cell in load_suite(tmp_path / 'compare.py', [7]).cells] == [7, 7, 7]
    assert slug('3-D CNN (10 %)') == '3-d-cnn-10-percent'


def test_cells_are_chosen_by_patterns(tmp_path):
    suite = load_suite(write(tmp_path))
    assert suite.select() == list(suite.cells)
    assert [cell.seed for cell in suite.select(['10 %/SVM*', 'svm'])] == [5, 6]
    assert [cell.name for cell in suite.select(['*/resnet-18/seed5'])] == [
        '3-per-class/resnet-18/seed5',
        '10-percent/resnet-18/seed5',
    ]
    with pytest.raises(ValueError, match="no cell matches 'forest'"):
        suite.select(['svm', 'forest'])


def test_config_of_a_cell_has_its_scene_its_options_and_its_seed(tmp_path):
    cells = {cell.name: cell for cell in load_suite(write(tmp_path)).cells}
    cfg = cells['10-percent/resnet-18/seed5'].build_config()
    scenes = [cfg.train_dataloader.dataset.dataset.scene, cfg.test_dataloader.dataset.scene, cfg.test_evaluator.scene]
    for scene in scenes:
        assert scene.split == dict(type='RatioSplit', train=0.1, seed=5)  # nothing is left of the other split
        assert (scene.fit_on, scene.start, scene.preprocessing) == ('train', dict(seed=5), ['PCA'])
    assert cfg.model.depth == 34 and cfg.randomness.seed == 5
    svm = cells['10-percent/svm-raw/seed6']
    assert svm.build_config().test_dataloader.dataset.scene.preprocessing == []
    assert svm.build_config().model.depth == 18
    assert svm.seeded(svm.options) == dict(seed=6, folds=3)


def test_fingerprint_tells_whatever_changes_a_result(tmp_path):
    path = write(tmp_path)
    before = {cell.name: cell.fingerprint() for cell in load_suite(path).cells}
    assert len(set(before.values())) == len(before)
    assert {cell.name: cell.fingerprint() for cell in load_suite(path).cells} == before
    path.write_text(SUITE.replace('folds=3', 'folds=4'))
    changed = [cell.name for cell in load_suite(path).cells if cell.fingerprint() != before[cell.name]]
    assert changed == ['10-percent/svm-raw/seed5', '10-percent/svm-raw/seed6']
    (tmp_path / 'network.py').write_text(NETWORK.replace('depth=18', 'depth=18, width=2'))
    assert all(cell.fingerprint() != before[cell.name] for cell in load_suite(path).cells)


@pytest.mark.parametrize(
    'old, new, message',
    [
        ('seeds = (0, 5)', '', "the suite has no 'seeds'"),
        ("config='network.py', cfg", "config='none.py', cfg", "'ResNet-18'.*no config.*none.py"),
        ("settings=['10 %']", "settings=['20 %']", "takes part in '20 %'; there are 3 per class, 10 %"),
        ("customary='3 per class'", "customary='all'", "names 'all' as the customary"),
        ('cfg_options=', 'cfg_option=', "has 'cfg_option', expected some of cfg_options"),
        ("name='SVM, raw'", "name='ResNet 18'", 'two contestants make the cell 10-percent/resnet-18/seed5'),
        ('scores =', "reference = 'SVM'\nscores =", "reference 'SVM' is not a contestant"),
    ],
)
def test_a_suite_that_is_wrong_is_refused(tmp_path, old, new, message):
    assert old in SUITE
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        load_suite(write(tmp_path, SUITE.replace(old, new)))


@pytest.mark.parametrize(
    'path',
    [
        path
        for path in sorted((ROOT / 'configs/benchmarks').glob('*.py'))
        if 'contestants' not in path.name and 'settings' not in path.name
    ],
    ids=lambda path: path.stem,
)
def test_suites_of_the_package_make_configs(path):
    suite = load_suite(path)
    by_contestant = {(cell.contestant, cell.config): cell for cell in suite.cells}
    for cell in (*by_contestant.values(), *{cell.setting: cell for cell in suite.cells}.values()):
        cfg = cell.build_config()
        assert cfg.randomness.seed == cell.seed
        if 'evaluate_on' in cfg.test_dataloader.dataset and cfg.test_dataloader.dataset.evaluate_on == 'test':
            splits = [cfg[f'{name}_dataloader'].dataset.scene.split for name in ('train', 'test')]
            assert splits[0] == splits[1] and splits[0].seed == cell.seed
