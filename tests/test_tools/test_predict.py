"""tools/predict.py on toy scenes, and on Indian Pines against the map that tools/test.py writes."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tool_runs
import torch
from inference_cases import config, save_checkpoint, segmentor, toy_cube
from mmengine.config import Config
from products import read_product
from tiny_experiment import tiny_config
from tool_runs import run_tool

from mmhsi.datasets import get_scene
from mmhsi.engine.distributed import build_runner

ROOT = Path(__file__).parents[2]
TINY = ROOT / 'configs/classification/hypersigma-tiny_seg_indian-pines.py'


def record_of(scene) -> dict:
    """What a training on a scene leaves in its checkpoints."""
    return dict(
        scene_name=scene.name,
        transforms={name: torch.from_numpy(np.array(value)) for name, value in scene.state_dict().items()},
    )


@pytest.fixture
def scenes(tmp_path):
    """A folder of five toy scenes, and the checkpoint of a toy model, which holds its config."""
    (tmp_path / 'scenes').mkdir()
    for number in range(5):
        np.save(tmp_path / f'scenes/field_{number}.npy', toy_cube(20, 24, seed=number))
    save_checkpoint(tmp_path / 'toy.pth', config(segmentor(), tile_size=16, overlap=8))
    return tmp_path


def predict(folder: Path, *argv: str, scenes: str = 'scenes') -> int:
    """Run the tool on the toy scenes."""
    return tool_runs.predict(
        folder / scenes, weights=folder / 'toy.pth', out=folder / 'out', argv=('--no-pictures', *argv)
    )


def finished(folder: Path) -> set[str]:
    return {path.name.removesuffix('_prediction.json') for path in (folder / 'out').glob('*_prediction.json')}


def test_jobs_of_an_array_share_a_folder_of_scenes(scenes, capsys):
    assert predict(scenes, '--part', '1/2') == 0
    assert finished(scenes) == {'field_0', 'field_2', 'field_4'}
    times = {path.name: path.stat().st_mtime_ns for path in (scenes / 'out').iterdir()}
    assert predict(scenes, '--part', '2/2') == 0 and predict(scenes) == 0
    assert finished(scenes) == {f'field_{number}' for number in range(5)}
    assert times.items() <= {path.name: path.stat().st_mtime_ns for path in (scenes / 'out').iterdir()}.items()
    assert capsys.readouterr().out.count('already finished') == 5


def test_a_scene_that_fails_does_not_keep_the_others_from_being_predicted(scenes, capsys):
    np.save(scenes / 'scenes/field_1.npy', toy_cube(20, 24, 5))
    (scenes / 'scenes/field_3.npy').write_bytes(b'nothing')
    assert predict(scenes) == 1
    assert finished(scenes) == {'field_0', 'field_2', 'field_4'}
    errors = capsys.readouterr().err
    assert 'field_1: ' in errors and '6 bands are expected, but the file has 5' in errors and 'field_3.npy' in errors


def test_what_cannot_be_begun_is_one_sentence(scenes, capsys):
    (scenes / 'empty').mkdir()
    assert predict(scenes, scenes='empty') == 2
    assert 'empty: the folder holds no scene' in capsys.readouterr().err
    assert predict(scenes, scenes='scenes/nowhere.tif') == 2
    assert 'nowhere.tif: no such file' in capsys.readouterr().err


def test_options_reach_the_inferencer(scenes):
    assert (
        predict(scenes, '--scores', '--blend', 'smooth', '--overlap', '6', '--driver', 'ENVI', '--memory', '64M') == 0
    )
    with rasterio.open(scenes / 'out/field_2_scores.img') as product:
        assert (product.driver, product.count) == ('ENVI', 3)
    assert {path.suffix for path in (scenes / 'out').iterdir()} == {'.img', '.hdr', '.json'}


def test_processes_share_the_scenes(scenes, monkeypatch):
    recorder = scenes / 'python'
    recorder.write_text(f'#!/bin/sh\necho "$@" >> {scenes}/commands\n')
    recorder.chmod(0o755)
    monkeypatch.setattr(sys, 'executable', str(recorder))
    assert predict(scenes, '--part', '2/3', '--processes', '2') == 0
    commands = sorted((scenes / 'commands').read_text().splitlines())
    assert [command.split()[-4:] for command in commands] == [
        ['--processes', '1', '--part', '2/6'],
        ['--processes', '1', '--part', '5/6'],
    ]
    assert all(command.split()[:4] == ['-m', 'mmhsi.cli', 'predict', str(scenes / 'scenes')] for command in commands)
    # together the jobs of an array do all scenes, each once
    for part in ('1/6', '4/6', '2/6', '5/6', '3/6', '6/6'):
        predict(scenes, '--processes', '2', '--processes', '1', '--part', '1/1', '--part', part)
    assert finished(scenes) == {f'field_{number}' for number in range(5)}
    recorder.write_text('#!/bin/sh\nexit 1\n')
    assert predict(scenes, '--processes', '2') == 1


def test_wrong_arguments_are_named(capsys):
    for argv, message in (
        (['x.tif', '-o', 'out'], 'give a config'),
        (['x.tif', '-o', 'out', '-w', 'a.pth', '--part', '3/2'], "a part is given as I/N .* not '3/2'"),
        (['x.tif', '-o', 'out', '-w', 'a.pth', '--memory', 'much'], 'expected a number of bytes'),
    ):
        with pytest.raises(SystemExit):
            run_tool('predict.py', *argv)
        assert re.search(message, capsys.readouterr().err)


def test_the_map_of_a_window_classifier_is_that_of_its_test(tmp_path):
    (tmp_path / 'data').mkdir()
    cfg = tiny_config(tmp_path / 'data', tmp_path / 'run')
    cfg = Config(cfg.to_dict(), format_python_code=False)
    cfg.default_hooks.result.out_dir = str(tmp_path / 'results')
    scene = get_scene(cfg.test_dataloader.dataset.scene)
    weights = save_checkpoint(tmp_path / 'tiny.pth', cfg, record_of(scene), dict(classes=scene.classes))
    cfg.load_from = weights
    build_runner(cfg).test()
    expected = read_product(tmp_path / 'results', 'stripes', 'classes')
    assert tool_runs.predict(tmp_path / 'data/cube.npy', weights=weights, out=tmp_path / 'out') == 0
    with rasterio.open(tmp_path / 'out/cube_classes.tif') as product:
        np.testing.assert_array_equal(product.read(1) - 1, expected)
    assert len(np.unique(expected)) > 1


def test_the_map_of_indian_pines_is_that_of_the_test_tool(tmp_path, monkeypatch):
    monkeypatch.setenv('MMHSI_DATA', str(tmp_path / 'data'))
    run_tool('dataset_converters/indian_pines.py', '--out', tmp_path / 'data/indian_pines')
    cfg = Config.fromfile(TINY)
    scene = get_scene(cfg.test_dataloader.dataset.scene)
    weights = save_checkpoint(
        tmp_path / 'tiny.pth',
        cfg,
        record_of(scene),
        dict(classes=scene.classes, palette=[list(colour) for colour in scene.palette]),
    )
    run_tool(
        'test.py',
        str(TINY),
        weights,
        '--work-dir',
        str(tmp_path / 'run'),
        '--show-dir',
        str(tmp_path / 'results'),
        '--cfg-options',
        'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=False',
        'experiment_name=predict_tool',
    )
    expected = read_product(tmp_path / 'results', 'indian-pines', 'classes')
    assert len(np.unique(expected)) > 3

    # as a scene that was never seen: another file, no labels
    stranger = tmp_path / 'stranger.mat'
    shutil.copy(tmp_path / 'data/indian_pines/Indian_pines_corrected.mat', stranger)
    shutil.rmtree(tmp_path / 'data')
    assert tool_runs.predict(stranger, weights=weights, out=tmp_path / 'out', argv=('-c', TINY)) == 0
    with rasterio.open(tmp_path / 'out/stranger_classes.tif') as product:
        stored = product.read(1)
        assert product.tags(1)['class_1'] == 'Alfalfa'
    np.testing.assert_array_equal(stored - 1, expected)
    summary = json.loads((tmp_path / 'out/stranger_prediction.json').read_text())
    assert sum(summary['pixels'].values()) == 145 * 145 and summary['pixels']['no data'] == 0
