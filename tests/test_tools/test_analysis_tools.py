"""Tests of tools/analysis_tools and tools/visualization/vis_ssa.py on one small run."""

import base64
import io
import json
import os
import runpy
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image
from tiny_experiment import BANDS, SIDE, tiny_config

from mmhsi.analysis.report import make_report
from mmhsi.analysis.report.run_folder import open_run
from mmhsi.engine.distributed import build_runner

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
BROWSERS = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """Folder of a training of two epochs and its test, with maps of the uncertainty, next to 'config.py' and 'data'."""
    folder = tmp_path_factory.mktemp('analysis')
    (folder / 'data').mkdir()
    cfg = tiny_config(folder / 'data', folder / 'run')
    cfg.test_evaluator.uncertainty = True
    cfg = Config(cfg.to_dict(), format_python_code=False)  # laid out in PEP 8 it takes longer than the training
    cfg.dump(folder / 'config.py')
    runner = build_runner(cfg)
    runner.train()
    runner.logger.warning('the sun stands <low>')
    runner.test()
    return folder


@pytest.fixture
def tool(capsys):
    """Run a tool in this process; returns its exit code and what it printed."""

    def call(path, *argv):
        code = runpy.run_path(str(TOOLS / path))['main']([str(item) for item in argv])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return call


class Page(HTMLParser):
    """What the tests look at of a page."""

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.ids, self.links, self.text, self.headings, self.resources = (
            [],
            [],
            [],
            [],
            [],
            [],
            [],
        )
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in ('meta', 'img', 'br', 'link', 'input'):
            self.open.append(tag)
        if 'id' in attributes:
            self.ids.append(attributes['id'])
        if tag == 'img':
            self.images.append(attributes)
        elif tag == 'a':
            self.links.append(attributes['href'])
        elif tag in ('h1', 'h2', 'h3'):
            self.headings.append(tag)
        if tag in ('link', 'iframe', 'object', 'audio', 'video') or (tag == 'script' and 'src' in attributes):
            self.resources.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ('style', 'script'):
            self.text.append(data)


@pytest.fixture(scope='module')
def page(run):
    text = make_report(run / 'run', run / 'report.html').read_text(encoding='utf-8')
    return text, Page(text)


def test_a_report_is_whole_and_well_formed(page):
    text, parsed = page
    assert not parsed.open and not parsed.resources  # every element is closed, nothing is loaded
    assert 'http' not in text.replace('https://mmengine.readthedocs.io', '') and 'url(' not in text
    assert len(set(parsed.ids)) == len(parsed.ids) and {link.removeprefix('#') for link in parsed.links} <= set(
        parsed.ids
    )
    assert parsed.headings[:3] == ['h1', 'h2', 'h3'] and parsed.headings.count('h1') == 1
    assert 'prefers-color-scheme: dark' in text and 'name="viewport"' in text and '<html lang="en">' in text
    for image in parsed.images:
        kind, content = image['src'].split(',', 1)
        assert kind == 'data:image/png;base64' and image['alt']
        Image.open(io.BytesIO(base64.b64decode(content))).verify()
    shown = [image['alt'].split(';')[0] for image in parsed.images]
    assert shown[:5] == [
        'False-colour composite',
        'Ground truth: all labelled pixels',
        'Prediction',
        'Errors',
        'Probability of the predicted class',
    ]
    assert len(shown) == 9 and shown[-1].startswith('Curves of loss from ')


def test_a_report_tells_what_the_run_left(run, page):
    said = ' '.join(' '.join(page[1].text).split())
    (metrics,) = (run / 'run').glob('*/results/metrics.json')
    scores = json.loads(metrics.read_text())
    for name, value in scores['metrics'].items():
        assert f'{name} {value:.4f}' in said
    row = scores['scenes']['stripes']['classes'][1]
    assert f'class 2 {row["recall"]:.4f} {row["precision"]:.4f} {row["f1"]:.4f} {row["support"]}' in said
    assert f'24 x 24 pixels, {BANDS} bands' in said and 'wavelengths not stated by the file' in said
    assert 'class labelled train val test class 1 192 8 4 180 class 2 96 8 4 84' in said and 'Standardize' in said
    assert 'WARNING the sun stands <low>' in said and 'MMEngine 0.' in said
    model = Config.fromfile(run / 'config.py')
    assert "type='SpectralEnhancement'" in said and model.model.neck.type == 'SpectralEnhancement'
    assert 'parameters' in said and 'For one input of 12 channels and 5 x 5 pixels' in said


def test_a_browser_shows_the_report_at_the_width_of_a_phone(run, page, tmp_path):
    browser = next((found for found in map(shutil.which, BROWSERS) if found), None)
    if browser is None:
        pytest.skip(f'none of the browsers {", ".join(BROWSERS)} is installed')
    probe = page[0].replace(
        '</body>',
        '<script>document.title = [document.documentElement.scrollWidth, innerWidth, '
        '[...document.images].filter(i => !i.complete || !i.naturalWidth).length].join(" ")'
        '</script></body>',
    )
    (tmp_path / 'probe.html').write_text(probe, encoding='utf-8')
    printed = subprocess.run(
        [
            browser,
            '--headless=new',
            '--no-sandbox',
            '--disable-gpu',
            f'--user-data-dir={tmp_path / "profile"}',
            '--window-size=500,900',
            '--dump-dom',
            (tmp_path / 'probe.html').as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    if printed.returncode or '<title>' not in printed.stdout:
        pytest.skip(f'{browser} does not start here: {printed.stderr[-200:]}')
    width, window, broken = map(int, printed.stdout.split('<title>')[1].split('</title>')[0].split())
    assert width <= window and broken == 0  # tables and texts scroll in themselves


def test_the_tool_writes_into_the_folder_and_names_what_is_missing(run, tmp_path, tool):
    code, printed = tool('analysis_tools/report.py', run / 'run', '--no-flops', '--max-scenes', 0)
    assert code == 0 and (run / 'run' / 'report.html').is_file() and 'report.html' in printed
    text = (run / 'run' / 'report.html').read_text()
    assert 'Pictures of 1 more scenes are in the folder results' in text and 'the network was not counted' in text
    (run / 'run' / 'report.html').unlink()
    assert tool('analysis_tools/report.py', tmp_path / 'nowhere') == (
        2,
        f'error: {tmp_path / "nowhere"}: there is no such folder\n',
    )
    code, printed = tool('analysis_tools/report.py', tmp_path)
    assert code == 2 and 'expected a work dir with <time>/vis_data/config.py, it holds nothing' in printed


def test_runs_of_other_tasks_and_baselines_have_tables_too(run, tmp_path):
    """Results as other tasks write them, with the config of this run but without its log."""
    shutil.copytree(run / 'run', tmp_path / 'run', ignore=shutil.ignore_patterns('*.pth', 'results', '*.log', '*.json'))
    (folder,) = (entry.parent for entry in (tmp_path / 'run').glob('*/vis_data'))
    for name, scenes in (
        (
            '.',
            {
                'mall': dict(
                    mSAD=0.1,
                    endmembers=[dict(name='soil & sand', SAD=0.05, RMSE=None)],
                    counts=dict(pixels=10),
                    settings=dict(seed=0),
                    band_PSNR=[1.5] * 9,
                )
            },
        ),
        ('svm', {'mall': dict(OA=0.5)}),
    ):
        (folder / 'results' / name).mkdir(parents=True)
        (folder / 'results' / name / 'metrics.json').write_text(json.dumps(dict(metrics=dict(mSAD=0.1), scenes=scenes)))
    Image.new('RGB', (4, 4)).save(folder / 'results' / 'mall_abundances.png')
    (folder / 'results' / 'fcls').mkdir()
    Image.new('RGB', (4, 4)).save(folder / 'results' / 'fcls' / 'mall_abundances.png')
    assert [results.name for results in open_run(tmp_path / 'run').results] == ['', 'svm', 'fcls']
    parsed = Page(make_report(tmp_path / 'run', complexity=False).read_text())
    said = ' '.join(' '.join(parsed.text).split())
    assert 'name SAD RMSE soil & sand 0.0500 –' in said and 'counts: pixels 10' in said and 'Results of svm' in said
    assert [image['alt'] for image in parsed.images] == [
        'Abundances: estimate, truth and difference; scene mall; mSAD 0.1000',
        'Abundances: estimate, truth and difference; scene mall',
    ]
    assert 'The folder holds no log of a training' in said and '1.5000, 1.5000' not in said
    (folder / 'results' / 'metrics.json').write_text('{')
    with pytest.raises(ValueError, match='metrics.json: no JSON'):
        make_report(tmp_path / 'run')


def test_curves_of_several_runs(run, tmp_path, tool):
    out = tmp_path / 'figures' / 'curves.png'
    code, printed = tool(
        'analysis_tools/analyze_logs.py',
        'plot_curve',
        run / 'run',
        run / 'run',
        '--keys',
        'loss',
        'OA',
        '--legend',
        'a',
        'b',
        '--out',
        out,
    )
    assert code == 0 and printed == f'curves of loss, OA: {out}\n'
    assert min(Image.open(out).size) > 300
    code, printed = tool('analysis_tools/analyze_logs.py', 'plot_curve', run / 'run', '--keys', 'mIoU')
    assert code == 2 and "scalars.json: there is no key 'mIoU'; the log holds of training: " in printed
    code, printed = tool('analysis_tools/analyze_logs.py', 'plot_curve', run / 'run', '--legend', 'a', 'b')
    assert code == 2 and 'a name for each of the 1 logs, found 2' in printed


def test_times_of_iterations(tmp_path, tool):
    rows = [
        dict(lr=1, loss=1, time=time, epoch=epoch, iter=2 * epoch - 1 + index, step=2 * epoch - 1 + index)
        for epoch, times in ((1, (9.0, 1.0)), (2, (5.0, 3.0)))
        for index, time in enumerate(times)
    ]
    (tmp_path / 'scalars.json').write_text('\n'.join(map(json.dumps, rows)))
    code, printed = tool('analysis_tools/analyze_logs.py', 'cal_train_time', tmp_path)
    assert code == 0 and 'slowest epoch 2, average time is 3.0000 s/iter' in printed
    assert 'time std over epochs is 1.0000' in printed and 'average iter time: 2.0000 s/iter' in printed
    code, printed = tool('analysis_tools/analyze_logs.py', 'cal_train_time', tmp_path, '--include-outliers')
    assert 'slowest epoch 1, average time is 5.0000' in printed and 'average iter time: 4.5000 s/iter' in printed


def test_operations_are_printed_and_written(run, tmp_path, tool):
    code, printed = tool('analysis_tools/get_flops.py', run / 'config.py', '--out', tmp_path / 'flops.json')
    found = json.loads((tmp_path / 'flops.json').read_text())
    assert code == 0 and f'input: {BANDS} channels, 5 x 5 pixels; 1 MAC = 2 FLOPs' in printed
    assert found['flops'] == 2 * found['macs'] and f'FLOPs {found["flops"] / 1e3:.3f} K' in printed
    assert 'backbone.spectral' in printed
    code, printed = tool('analysis_tools/get_flops.py', run / 'config.py', '--shape', BANDS, 7, 7)
    assert code == 2 and f'does not accept an input of {BANDS} channels and 7 x 7 pixels' in printed


@pytest.mark.parametrize('data', ['random', 'config'])
def test_speed_and_memory_are_printed_and_written(run, tmp_path, tool, data):
    code, printed = tool(
        'analysis_tools/benchmark.py',
        run / 'config.py',
        '--batch-sizes',
        1,
        3,
        '--repeats',
        2,
        '--warmup',
        1,
        '--device',
        'cpu',
        '--data',
        data,
        '--out',
        tmp_path / 'speed.json',
    )
    rows = json.loads((tmp_path / 'speed.json').read_text())
    assert code == 0 and [(row['mode'], row['batch_size']) for row in rows] == [
        ('inference', 1),
        ('inference', 3),
        ('training', 1),
        ('training', 3),
    ]
    assert all(row['throughput'] == pytest.approx(row['batch_size'] / row['latency']) for row in rows)
    assert f'{rows[3]["throughput"]:.2f}' in printed and f'inputs of {BANDS} channels and 5 x 5 pixels' in printed


def test_sampled_points_are_drawn(run, tmp_path, tool):
    out = tmp_path / 'points.png'

    def draw(*argv):
        weights, scene = run / 'run' / 'epoch_2.pth', run / 'data' / 'cube.npy'
        return tool('visualization/vis_ssa.py', run / 'config.py', weights, scene, '--device', 'cpu', *argv)

    code, printed = draw('--pixel', 3, SIDE - 1, '--out', out)
    assert code == 0 and 'backbone.spatial.blocks.0.attn, backbone.spatial.blocks.1.attn' in printed
    picture = np.asarray(Image.open(out).convert('RGB'))
    assert (picture[:, :, 0].astype(int) - picture[:, :, 1] > 60).any()  # points of large weight
    code, printed = draw('--pixel', 3, SIDE)
    assert code == 2 and f'row 3, column {SIDE} lies outside the scene' in printed
    code, printed = draw('--pixel', 3, 3, '--layers', 5)
    assert code == 2 and '--layers must lie between 1 and 2' in printed


def test_a_report_of_a_run_whose_data_are_gone_shows_what_the_config_says(run):
    cube = run / 'data' / 'cube.npy'
    cube.rename(run / 'cube.npy')
    try:
        said = ' '.join(
            ' '.join(Page(make_report(run / 'run', run / 'gone.html', complexity=False).read_text()).text).split()
        )
    finally:
        (run / 'cube.npy').rename(cube)
    assert 'The data cannot be read again' in said and f'data_root {run / "data"} image cube.npy' in said


MKDIR = "dict(type='os.mkdir', path='harm')"


@pytest.mark.parametrize(
    'line',
    [
        'import os; os.mkdir("harm")',
        'x = __import__("os").mkdir("harm")',
        "_base_ = 'other.py'",
        f'test_evaluator = {MKDIR}',
        f'custom_hooks = [{MKDIR}]',
        f'sensor = {MKDIR}',
        "val_dataloader = dict(dataset=dict(type='mmengine.BaseDataset', ann_file='labels'))",
        "val_dataloader = dict(dataset=dict(type='WindowDataset', scene=dict(type='Scene', image='x.pkl')))",
        "val_dataloader = dict(dataset=dict(type='WindowDataset', scene=dict(type='Scene', image='http://127.0.0.1:9/x')))",
        "val_dataloader = dict(dataset=dict(type='WindowDataset', scene=dict(type='Scene', image='/vsizip/x.zip')))",
        "default_scope = 'evil'",
    ],
)
def test_the_config_of_a_run_folder_is_data(run, tmp_path, monkeypatch, tool, line):
    """Hostile run folders: their config is never run, and none of their links is followed."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(run / 'run', tmp_path / 'run', ignore=shutil.ignore_patterns('*.pth'))
    (config,) = (tmp_path / 'run').glob('*/vis_data/config.py')
    lines = config.read_text().splitlines()
    name = line.partition(' ')[0]
    start = next((index for index, text in enumerate(lines) if text.startswith(f'{name} =')), len(lines))
    end = next((index for index in range(start + 1, len(lines)) if lines[index][:1].isalpha()), len(lines))
    config.write_text('\n'.join([*lines[:start], line, *lines[end:]]))
    (tmp_path / 'other.py').write_text('import os\nos.mkdir("harm")')
    code, printed = tool('analysis_tools/report.py', tmp_path / 'run')
    assert code == 2 and f'error: {config}: the config that it holds' in printed and '--trust' in printed
    assert not (tmp_path / 'harm').exists()
    code, printed = tool('analysis_tools/report.py', tmp_path / 'run', '-c', run / 'config.py', '--no-flops')
    assert code == 0, printed


@pytest.mark.parametrize(
    'name, content, message',
    [
        ('results/metrics.json', '{"scenes": {"a": 3}}', 'the config, the log or the scores of this run are damaged'),
        ('results/metrics.json', '{"scenes": {}, "metrics": [1]}', 'the config, the log or the scores of this run'),
        ('results/metrics.json', '[' * 10**5, 'metrics.json: no JSON .*nested too deeply'),
        ('vis_data/scalars.json', '{"lr": 1, "iter": 1, "epoch": NaN, "step": 1}\n', 'epoch is nan, expected a count'),
        (
            'vis_data/config.py',
            "model = dict(type='Conv2d')\ntest_dataloader = dict(dataset=dict(type='TileDataset', scene=dict()))\n",
            'damaged: (TypeError|KeyError)',
        ),
    ],
)
def test_a_damaged_run_folder_is_a_sentence(run, tmp_path, name, content, message):
    shutil.copytree(run / 'run', tmp_path / 'run', ignore=shutil.ignore_patterns('*.pth'))
    (folder,) = (path.parent for path in (tmp_path / 'run').glob('*/vis_data'))
    (folder / name).write_text(content)
    with pytest.raises(ValueError, match=f'{tmp_path}.*{message}'):
        make_report(tmp_path / 'run', complexity=False)


def test_a_report_ends_and_writes_where_it_should(run, tmp_path):
    shutil.copytree(run / 'run', tmp_path / 'run', ignore=shutil.ignore_patterns('*.pth'))
    (folder,) = (path.parent for path in (tmp_path / 'run').glob('*/vis_data'))
    os.mkfifo(folder / 'pipe.log')
    os.mkfifo(folder / 'results/stripes_pipe.png')
    (tmp_path / 'precious').write_text('kept')
    (tmp_path / 'run/report.html.part').symlink_to(tmp_path / 'precious')
    assert make_report(tmp_path / 'run', complexity=False).is_file()
    assert (tmp_path / 'precious').read_text() == 'kept'


def test_links_out_of_a_run_folder_are_not_followed(run, tmp_path):
    shutil.copytree(run / 'run', tmp_path / 'run', ignore=shutil.ignore_patterns('*.pth'))
    (config,) = (tmp_path / 'run').glob('*/vis_data/config.py')
    (results,) = (tmp_path / 'run').glob('*/results')
    for path in (tmp_path / 'run').glob('*.py'):
        path.unlink()
    config.rename(tmp_path / 'config.py')
    config.symlink_to(tmp_path / 'config.py')
    with pytest.raises(FileNotFoundError, match='expected a work dir'):
        open_run(tmp_path / 'run')
    config.unlink()
    (tmp_path / 'config.py').rename(config)
    (tmp_path / 'secret').write_text('WARNING secret')
    (results / 'stripes_secret.png').symlink_to(tmp_path / 'secret')
    (results.parent / 'secret.log').symlink_to(tmp_path / 'secret')
    found = open_run(tmp_path / 'run')
    assert len(found.results[0].pictures) > 3 and found.log_files
    assert not [path for path in (*found.results[0].pictures, *found.log_files) if 'secret' in path.name]
    results.rename(tmp_path / 'results')
    results.symlink_to(tmp_path / 'results')
    assert not open_run(tmp_path / 'run').results
