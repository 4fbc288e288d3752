"""Tests of the page of a scene: the data in it, and its script in Node.js where that is installed."""

import base64
import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from mmhsi.analysis.scene_page.data import scene_data
from mmhsi.analysis.scene_page.main import main
from mmhsi.analysis.scene_page.page import scene_fragment
from mmhsi.datasets.scenes.cube_view import CubeView

SCRIPT = Path(__file__).resolve().parents[2] / 'mmhsi/analysis/scene_page/scene_page.js'
CLASSES, PALETTE = ('water', 'grass </script>'), [(10, 20, 30), (200, 210, 220)]


@pytest.fixture
def scene():
    """A cube with a pixel without data, and two maps of it."""
    rng = np.random.default_rng(0)
    cube = rng.normal(100, 20, (6, 8, 12)).astype(np.float32)
    cube[2, 3] = np.nan
    truth = np.where(np.arange(8) < 4, 0, 1) * np.ones((6, 1), int)
    prediction = truth.copy()
    prediction[0] = 1
    truth[5] = 255
    return cube, {'prediction': prediction, 'ground truth': truth}


def unpack(text, shape):
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape)


def test_spectra_survive_to_one_level(scene):
    cube, maps = scene
    data = scene_data(CubeView(cube), maps, CLASSES, PALETTE)
    levels = unpack(data['cube'], (12, 6, 8)).astype(float)
    low, high = (np.array(data[name])[:, None, None] for name in ('low', 'high'))
    valid = np.isfinite(cube).all(axis=-1)
    restored = np.moveaxis(low + (levels - 1) / 254 * (high - low), 0, -1)
    assert np.abs(restored - np.clip(cube, low[:, 0, 0], high[:, 0, 0]))[valid].max() < (high - low).max() / 254
    assert (levels[:, 2, 3] == 0).all() and (levels[:, valid] > 0).all()
    assert np.array_equal(unpack(data['maps']['ground truth'], (6, 8)), maps['ground truth'])
    inside = (maps['prediction'] == 0) & valid
    assert np.allclose(data['means'][0], cube[inside].mean(axis=0), rtol=1e-5)
    json.dumps(data)


def test_a_large_scene_is_thinned_out():
    cube = np.random.default_rng(0).normal(size=(90, 60, 200)).astype(np.float32)
    data = scene_data(CubeView(cube), max_values=96 * 30 * 20)
    assert (data['step'], data['height'], data['width'], len(data['bands'])) == (3, 30, 20, 96)
    assert data['bands'][0] == 1 and data['bands'][-1] == 200
    assert len(base64.b64decode(data['cube'])) == 96 * 30 * 20


def test_a_name_cannot_end_the_script(scene):
    cube, maps = scene
    text = scene_fragment('a "b" <c>', scene_data(CubeView(cube), maps, CLASSES, PALETTE))
    assert text.count('</script>') == 1 and '<c>' not in text and 'a &#34;b&#34; &lt;c&gt;' in text
    inside = re.search(r'class="scene-data">(.*?)</script>', text, re.S)[1]
    assert json.loads(inside)['classes'] == list(CLASSES)


def test_any_scene_gets_a_page(scene, tmp_path, capsys, monkeypatch):
    cube, maps = scene
    monkeypatch.chdir(tmp_path)
    savemat('scene.mat', dict(cube=np.nan_to_num(cube)))
    np.save('truth.npy', np.where(maps['ground truth'] == 255, 0, 10 * (maps['ground truth'] + 1)).astype(np.uint8))
    options = ['--classes', 'water', 'grass', '--wavelengths', '400', '700', '--rgb', '12', '6', '1', '-o', 'page.html']
    assert main(['scene.mat', 'truth.npy', *options]) == 0
    text = Path('page.html').read_text()
    data = json.loads(re.search(r'class="scene-data">(.*?)</script>', text, re.S)[1])
    assert data['rgb'] == [12, 6, 1] and data['wavelengths'][0] == 400 and data['wavelengths'][-1] == 700
    assert np.array_equal(unpack(data['maps']['truth'], (6, 8)), maps['ground truth'])
    assert 'http' not in text and 'src=' not in text  # nothing is loaded
    savemat('both.mat', dict(cube=np.nan_to_num(cube), gt=maps['prediction'] + 1))
    savemat('height.mat', dict(cube=np.nan_to_num(cube), height=np.nan_to_num(cube[..., 0])))
    for file, titles in (('both', ['gt']), ('height', [])):  # a map of labels in the file is shown, another one is not
        assert main([f'{file}.mat']) == 0
        inside = re.search(r'class="scene-data">(.*?)</script>', Path(f'{file}.html').read_text(), re.S)[1]
        assert list(json.loads(inside)['maps']) == titles
    assert main(['scene.mat', '--rgb', '1', '2', '13']) == 2
    assert 'the scene has the bands 1 to 12' in capsys.readouterr().err


@pytest.mark.skipif(shutil.which('node') is None, reason='Node.js, which runs the script of the page, is absent')
def test_the_script_reads_what_is_written(scene, tmp_path):
    cube, maps = scene
    data = scene_data(CubeView(cube), maps, CLASSES, PALETTE)
    (tmp_path / 'data.json').write_text(json.dumps(data))
    (tmp_path / 'test.js').write_text(
        f"""
        const page = require({json.dumps(str(SCRIPT))});
        const scene = page.decode(JSON.parse(require('fs').readFileSync('data.json')));
        console.log(JSON.stringify({{
          spectrum: page.spectrumAt(scene, 1, 5),
          empty: page.spectrumAt(scene, 2, 3),
          said: page.describe(scene, 5, 7),
          all: [...page.paint(scene, 'prediction', new Set())].slice(0, 4),
          hidden: [...page.paint(scene, 'prediction', new Set([1]))].slice(0, 4),
          unlabelled: [...page.paint(scene, 'ground truth', new Set())].slice(4 * 47, 4 * 48),
          colour: [...page.paint(scene, 'false colour', new Set())].slice(4, 8),
          under: [page.pixelUnder(scene, 159, 59, 160, 60), page.pixelUnder(scene, 160, 0, 160, 60)],
          line: page.polyline([0, 10], [2, 4], [0, 10, 2, 4], {{ left: 5, top: 1, width: 100, height: 50 }}),
        }}));
        """
    )
    done = subprocess.run(['node', 'test.js'], cwd=tmp_path, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    span = np.subtract(data['high'], data['low'])
    assert np.abs(found['spectrum'] - np.clip(cube[1, 5], data['low'], data['high'])).max() < span.max() / 254
    assert found['empty'] is None
    assert found['said'] == 'row 5, column 7; prediction: grass </script>; ground truth: none'
    assert found['all'] == [200, 210, 220, 255] and found['hidden'] == [0, 0, 0, 0] == found['unlabelled']
    assert found['colour'] == [*unpack(data['picture'], (48, 3))[1].tolist(), 255]
    assert found['under'] == [[5, 7], None] and found['line'] == '5.0,51.0 105.0,1.0'


@pytest.mark.skipif(shutil.which('chromium') is None, reason='Chromium, which shows the page, is absent')
def test_a_browser_follows_the_pointer_the_slider_and_the_legend(scene, tmp_path, monkeypatch):
    """Pointer over a pixel, a click that keeps it, the slider, and a class that is hidden, in a page from a file."""
    cube, maps = scene
    monkeypatch.chdir(tmp_path)
    savemat('scene.mat', dict(cube=np.nan_to_num(cube)))
    np.save('truth.npy', np.where(maps['ground truth'] == 255, 0, maps['ground truth'] + 1).astype(np.uint8))
    assert main(['scene.mat', 'truth.npy', '-o', 'page.html']) == 0
    probe = """<script>addEventListener('load', () => {
      const said = [];
      const stage = document.querySelector('.stage'), box = stage.querySelector('canvas').getBoundingClientRect();
      const point = (kind, column, row) => stage.dispatchEvent(new MouseEvent(kind, {
        bubbles: true,
        clientX: box.left + (column + 0.5) * box.width / 8,
        clientY: box.top + (row + 0.5) * box.height / 6,
      }));
      const text = () => document.querySelector('.readout').textContent;
      const state = () => [text(), document.querySelectorAll('polyline').length];
      point('pointermove', 5, 1); said.push(state());
      point('click', 5, 1); point('pointermove', 0, 0); said.push(state());
      point('click', 0, 0); point('pointermove', 0, 0); said.push(state());
      const check = document.querySelector('.legend input'); check.click(); said.push(state());
      const slider = document.querySelector('.slider'); slider.value = 30; slider.dispatchEvent(new Event('input'));
      said.push(document.querySelector('canvas.above').style.clipPath);
      document.title = JSON.stringify(said);
    })</script>"""
    Path('probe.html').write_text(Path('page.html').read_text().replace('</body>', f'{probe}</body>'))
    options = ['--headless=new', '--no-sandbox', '--disable-gpu', f'--user-data-dir={tmp_path / "profile"}']
    command = ['chromium', *options, '--window-size=1200,900', '--dump-dom', Path('probe.html').resolve().as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if shown.returncode or '<title>' not in shown.stdout:
        pytest.skip(f'Chromium does not start here: {shown.stderr[-200:]}')
    over, kept, moved, hidden, clip = json.loads(html.unescape(re.search('<title>(.*?)</title>', shown.stdout)[1]))
    assert over == ['row 1, column 5; truth: class 2', 3]  # two means and the pixel
    assert kept == ['row 1, column 5; truth: class 2 (kept)', 3]
    assert moved == ['row 0, column 0; truth: class 1', 3]
    assert hidden[1] == 1  # the mean of the other class
    assert clip == 'inset(0px 70% 0px 0px)'
