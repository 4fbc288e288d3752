from pathlib import Path

import numpy as np
import pytest

from mmhsi.utils import system_memory
from mmhsi.utils.system_memory import available_memory, resident_memory


def test_the_available_memory_is_that_of_the_system():
    lines = Path('/proc/meminfo')
    if not lines.exists():
        pytest.skip('there is no /proc/meminfo')
    total = next(int(line.split()[1]) for line in lines.read_text().splitlines() if line.startswith('MemTotal')) * 1024
    assert 0 < available_memory() <= total


def test_the_peak_stays_when_memory_is_given_back():
    before = resident_memory()
    block = np.ones(2**25)  # 256 MiB
    assert resident_memory() > before + 2**27
    del block
    assert resident_memory(peak=True) > before + 2**27


def test_systems_without_proc(monkeypatch):
    monkeypatch.setattr(system_memory, 'Path', lambda _: Path('/nonexistent'))
    peak = resident_memory()
    assert resident_memory(peak=True) == peak > 2**24 and available_memory() > 2**24
    monkeypatch.setattr(system_memory, 'resource', None)
    assert resident_memory() is None
    monkeypatch.delattr('os.sysconf')
    assert available_memory() is None
