"""The notebooks run from the first cell to the last, and are stored without output."""

import ast
import json
import time

import pytest
from documented_blocks import ROOT

NOTEBOOKS = sorted((ROOT / 'docs/notebooks').glob('*.ipynb'))


def test_there_are_notebooks():
    assert {path.stem for path in NOTEBOOKS} == {'classification', 'detection', 'unmixing'}


@pytest.mark.slow
@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    names: dict = {'__name__': '__notebook__'}
    start = time.process_time()
    for cell in cells:
        if cell['cell_type'] != 'code':
            continue
        assert not cell['outputs'] and cell['execution_count'] is None, f'{path.name}: {cell["id"]} holds output'
        tree = ast.parse(''.join(cell['source']))
        shown = isinstance(tree.body[-1], ast.Expr) and not isinstance(tree.body[-1].value, ast.Call)
        exec(compile(tree, f'{path.name}:{cell["id"]}', 'exec'), names)
        if shown:  # the value that a notebook displays
            assert eval(compile(ast.Expression(tree.body[-1].value), path.name, 'eval'), names) is not None
    assert time.process_time() - start < 60, 'a notebook is to run in seconds'
