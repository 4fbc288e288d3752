"""The cache and the compiler, without torch."""

import ctypes
import logging
import re
import stat
import subprocess
import sys

import pytest

from mmhsi.ops import native_library, ssa_fused
from mmhsi.ops import sparse_sampling_attention as attend
from mmhsi.ops.native_library import find_compiler, load_library

SOURCE = '#include "answer.h"\nint answer(void) { return ANSWER; }\n'


def has_compiler():
    try:
        find_compiler()
    except OSError:
        return False
    return True


needs_compiler = pytest.mark.skipif(not has_compiler(), reason='there is no C compiler in the path')


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A library of one function, and a cache of its own."""
    monkeypatch.setenv('MMHSI_CACHE', str(tmp_path / 'cache'))
    folder = tmp_path / 'source'
    folder.mkdir()
    (folder / 'answer.c').write_text(SOURCE)
    (folder / 'answer.h').write_text('#define ANSWER 42\n')
    return folder / 'answer.c'


def libraries(tmp_path):
    return sorted(path.name for path in (tmp_path / 'cache' / 'ops').iterdir())


@needs_compiler
def test_compiles_once_into_a_private_folder(source, tmp_path, monkeypatch):
    header = source.with_suffix('.h')
    assert load_library(source, (header, )).answer() == 42
    first = libraries(tmp_path)
    assert len(first) == 1
    for folder in (tmp_path / 'cache', tmp_path / 'cache' / 'ops'):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    monkeypatch.setattr(native_library, '_compile', lambda *args: pytest.fail('compiled again'))
    assert load_library(source, (header, )).answer() == 42
    monkeypatch.undo()
    monkeypatch.setenv('MMHSI_CACHE', str(tmp_path / 'cache'))
    header.write_text('#define ANSWER 43\n')
    assert load_library(source, (header, )).answer() == 43
    assert len(libraries(tmp_path)) == 2


@needs_compiler
def test_a_folder_that_others_may_write_to_is_not_used(source, tmp_path):
    folder = tmp_path / 'cache' / 'ops'
    folder.mkdir(parents=True, mode=0o700)
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match='nobody else may write to; its owner is .* and its mode 777'):
        native_library.cache_folder()
    assert load_library(source, (source.with_suffix('.h'), )).answer() == 42  # from a temporary folder
    assert not list(folder.iterdir())


@needs_compiler
def test_a_link_in_place_of_the_folder_is_not_used(source, tmp_path):
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir(mode=0o700)
    (tmp_path / 'cache').mkdir(mode=0o700)
    (tmp_path / 'cache' / 'ops').symlink_to(elsewhere)
    assert load_library(source, (source.with_suffix('.h'), )).answer() == 42
    assert not list(elsewhere.iterdir())


@needs_compiler
def test_an_error_of_the_compiler_is_told_and_leaves_nothing(source, tmp_path):
    source.with_suffix('.h').write_text('#define ANSWER nonsense\n')
    with pytest.raises(OSError, match='(?s)answer.c: .* failed: .*nonsense'):
        load_library(source, (source.with_suffix('.h'), ))
    assert libraries(tmp_path) == []


def test_a_missing_compiler_is_named(monkeypatch):
    monkeypatch.setenv('CC', 'no-such-compiler -O2')
    with pytest.raises(OSError, match="the C compiler 'no-such-compiler -O2' named by CC is not in the path"):
        find_compiler()
    monkeypatch.delenv('CC')
    monkeypatch.setenv('PATH', '')
    with pytest.raises(OSError, match='there is no C compiler'):
        find_compiler()


def test_without_a_compiler_the_other_back_ends_work_and_say_so_once(monkeypatch, caplog):
    import torch
    from ssa_inputs import random_inputs

    import mmhsi.ops.sparse_sampling_attention  # noqa: F401

    module = sys.modules['mmhsi.ops.sparse_sampling_attention']
    monkeypatch.setenv('CC', 'no-such-compiler')
    monkeypatch.delenv('MMHSI_SSA_BACKEND', raising=False)
    monkeypatch.setattr(module._fused_kernel_works, 'told', False)
    ssa_fused._load.cache_clear()
    inputs = random_inputs(1, 1, (3, 3), 4, 2, dtype=torch.float32)
    try:
        with caplog.at_level(logging.WARNING):
            results = [attend(*inputs, (3, 3)) for _ in range(2)]
        assert torch.equal(results[0], attend(*inputs, (3, 3), backend='dense'))
        assert [record.message.count('no-such-compiler') for record in caplog.records] == [1]
        with pytest.raises(ValueError, match='not available here: .*no-such-compiler'):
            attend(*inputs, (3, 3), backend='fused')
    finally:
        ssa_fused._load.cache_clear()


@needs_compiler
def test_two_processes_compile_at_once(source, tmp_path):
    script = tmp_path / 'load.py'
    script.write_text(
        'import importlib.util, pathlib, sys\n'
        'spec = importlib.util.spec_from_file_location("native_library", sys.argv[1])\n'
        'module = importlib.util.module_from_spec(spec)\n'
        'spec.loader.exec_module(module)\n'
        'source = pathlib.Path(sys.argv[2])\n'
        'print(module.load_library(source, (source.with_suffix(".h"),)).answer())\n')
    command = [sys.executable, '-S', str(script), native_library.__file__, str(source)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate(timeout=120)[0].strip() for process in processes] == ['42'] * 4
    assert len(libraries(tmp_path)) == 1


@needs_compiler
def test_sources_include_the_headers_that_count():
    text = ssa_fused.SOURCE.read_text() + ''.join(header.read_text() for header in ssa_fused.HEADERS)
    assert set(re.findall('#include "(.*)"', text)) == {header.name for header in ssa_fused.HEADERS}
    library = load_library(ssa_fused.SOURCE, ssa_fused.HEADERS)
    assert library.ssa_problem_bytes() == ctypes.sizeof(ssa_fused._Problem)
