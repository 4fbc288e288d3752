"""Fixtures of the tests of configs."""

from pathlib import Path

import pytest


@pytest.fixture
def data_root(written, monkeypatch) -> Path:
    """The look-alikes that the fixture ``written`` of a module has made, as the root of the datasets."""
    monkeypatch.setenv('MMHSI_DATA', str(written))
    return written
