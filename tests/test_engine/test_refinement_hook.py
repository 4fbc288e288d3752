"""Walker and temperature are chosen after a training, kept in the checkpoint, and applied in a test."""

import pytest
from tiny_experiment import tiny_config

from mmhsi.engine.distributed import build_runner
from mmhsi.engine.run_checkpoints import load_best
from mmhsi.weights.checkpoint_file import read_checkpoint


def make(folder, **metric):
    cfg = tiny_config(folder, folder / 'work')
    cfg.val_evaluator = cfg.test_evaluator = dict(type='SceneClassificationMetric', uncertainty=True, **metric)
    cfg.default_hooks.checkpoint = dict(type='SafeCheckpointHook', interval=1, save_best='NLL', rule='less')
    cfg.custom_hooks = [dict(type='RefinementHook')]
    return cfg


def test_the_choice_goes_with_the_best_state(tmp_path):
    runner = build_runner(make(tmp_path))
    runner.train()
    last = {name: value.clone() for name, value in runner.model.state_dict().items()}
    best = load_best(runner)
    assert 'best_NLL' in best
    record = read_checkpoint(best)['mmhsi']['refinement']['stripes']
    assert record['walker'] in ('off', 1.0, 0.3, 0.1, 0.03, 0.01)
    assert any((last[name] != value).any() for name, value in runner.model.state_dict().items()) or 'epoch_2' in best
    scores = runner.test()
    result = runner.test_evaluator.metrics[0].scene_results['stripes']
    assert result.settings['refinement'] == record and scores['ECE'] == result.scores['ECE']

    later = make(tmp_path)
    later.load_from = best
    later.work_dir = str(tmp_path / 'later')
    later.custom_hooks[0].strengths = ()  # what the checkpoint holds counts
    assert build_runner(later).test() == pytest.approx(scores)


def test_without_a_walker_only_validation_pixels_are_predicted_for_the_choice(tmp_path, monkeypatch):
    cfg = make(tmp_path)
    cfg.custom_hooks[0].update(strengths=(), experts=('SVM on spectra',))
    runner = build_runner(cfg)
    predicted = []
    step = type(runner.model).test_step
    monkeypatch.setattr(type(runner.model), 'test_step', lambda self, data: predicted.append(data) or step(self, data))
    runner.train()
    choice = read_checkpoint(load_best(runner))['mmhsi']['refinement']['stripes']
    scene = runner.test_dataloader.dataset.scenes[0]
    assert sum(len(batch['inputs']) for batch in predicted) == len(scene.split.val)

    hook = next(hook for hook in runner.hooks if type(hook).__name__ == 'RefinementHook')
    monkeypatch.setattr(hook, '_dataloader', lambda runner: runner.test_dataloader)
    whole = hook.choose(runner)['stripes']
    assert choice['temperature'] == pytest.approx(whole['temperature'], rel=1e-3)
    assert choice['mixture']['weights'] == pytest.approx(whole['mixture']['weights'], rel=1e-3)


def test_a_checkpoint_without_a_choice_gets_one_in_the_test(tmp_path):
    cfg = make(tmp_path)
    cfg.custom_hooks = []
    runner = build_runner(cfg)
    runner.train()
    later = make(tmp_path)
    later.load_from = load_best(runner)
    later.work_dir = str(tmp_path / 'later')
    runner = build_runner(later)
    runner.test()
    chosen = runner.test_evaluator.metrics[0].scene_results['stripes'].settings['refinement']
    assert chosen['temperature'] != 1


def test_a_metric_without_probabilities_is_refused(tmp_path):
    cfg = make(tmp_path)
    cfg.test_evaluator.uncertainty = False
    with pytest.raises(ValueError, match='needs SceneClassificationMetric'):
        build_runner(cfg).test()
