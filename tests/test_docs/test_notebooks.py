"""The notebooks run from the first cell to the last, show their pictures, and are stored without output."""

from pathlib import Path

import nbformat
import pytest
from documented_blocks import ROOT
from nbclient import NotebookClient

NOTEBOOKS = sorted((ROOT / 'docs/notebooks').glob('*.ipynb'))


def test_there_are_notebooks():
    assert {path.stem for path in NOTEBOOKS} == {'classification', 'detection', 'unmixing'}


@pytest.mark.slow
@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        assert not cell.get('outputs') and cell.get('execution_count') is None, f'{path.name}: {cell.id} holds output'
    NotebookClient(notebook, timeout=120, resources=dict(metadata=dict(path=str(tmp_path)))).execute()
    outputs = [output for cell in notebook.cells for output in cell.get('outputs', ())]
    assert any('image/png' in output.get('data', {}) for output in outputs)
    assert not any(output.output_type == 'error' for output in outputs)
    shown = [output.data.get('text/plain', '') for output in outputs if 'data' in output]
    assert not [text for text in shown if text.startswith('<') and 'Figure' not in text]
    assert all(
        'image/png' in output.data for output in outputs if 'Figure' in output.get('data', {}).get('text/plain', '')
    )
