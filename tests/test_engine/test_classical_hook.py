"""After a test the classical methods stand in the log and in the metrics."""

import json
from pathlib import Path

from tiny_experiment import tiny_config

from mmhsi.engine.distributed import build_runner


def test_classical_methods_stand_beside_the_network(tmp_path):
    cfg = tiny_config(tmp_path, tmp_path / 'work')
    cfg.default_hooks.result.out_dir = 'maps'  # where --show-dir puts the results
    cfg.default_hooks.classical = dict(type='ClassicalHook', titles=['SVM on spectra'])
    runner = build_runner(cfg)
    scores = runner.test()
    stored = json.loads((Path(runner.log_dir) / 'maps/metrics.json').read_text())
    classical = stored['classical']['SVM on spectra']
    assert set(stored['classical']) == {'SVM on spectra'} and classical['failure'] is None
    assert classical['scores']['OA'] > 0.6 > scores['OA']  # the network is not trained
    assert classical['settings']['refinement']['temperature'] > 0
    assert stored['comparison']['score'] == 'OA'
    assert stored['comparison']['sentence'].startswith(
        'the network is behind the best classical method, SVM on spectra'
    )
    assert stored['metrics']['OA'] == scores['OA']  # what the test wrote is still there
    log = next(Path(runner.log_dir).glob('*.log')).read_text()
    assert stored['comparison']['sentence'] in log
