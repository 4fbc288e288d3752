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
    """A library of one function, with its own cache."""
    monkeypatch.setenv('MMHSI_CACHE', str(tmp_path / 'cache'))
    folder = tmp_path / 'source'
    folder.mkdir()
    (folder / 'answer.c').write_text(SOURCE)
    (folder / 'answer.h').write_text('#define ANSWER 42\n')
    return folder / 'answer.c'


def libraries(tmp_path):
    return sorted(path for path in (tmp_path / 'cache' / 'ops').iterdir() if path.suffix == '.so')


@needs_compiler
def test_compiles_once_into_a_private_folder(source, tmp_path, monkeypatch):
    header = source.with_suffix('.h')
    assert load_library(source, (header,)).answer() == 42
    first = libraries(tmp_path)
    assert len(first) == 1
    for folder in (tmp_path / 'cache', tmp_path / 'cache' / 'ops'):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    monkeypatch.setattr(native_library, '_compile', lambda *args: pytest.fail('compiled again'))
    assert load_library(source, (header,)).answer() == 42
    monkeypatch.undo()
    monkeypatch.setenv('MMHSI_CACHE', str(tmp_path / 'cache'))
    header.write_text('#define ANSWER 43\n')
    assert load_library(source, (header,)).answer() == 43
    assert len(libraries(tmp_path)) == 2


@needs_compiler
def test_a_folder_that_others_may_write_to_is_refused(source, tmp_path):
    folder = tmp_path / 'cache' / 'ops'
    folder.mkdir(parents=True, mode=0o700)
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match='nobody else may write to; its owner is .* and its mode 777'):
        load_library(source, (source.with_suffix('.h'),))
    assert not list(folder.iterdir())


@needs_compiler
def test_a_link_in_place_of_the_folder_is_refused(source, tmp_path):
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir(mode=0o700)
    (tmp_path / 'cache').mkdir(mode=0o700)
    (tmp_path / 'cache' / 'ops').symlink_to(elsewhere)
    with pytest.raises(PermissionError, match='nobody else may write to'):
        load_library(source, (source.with_suffix('.h'),))
    assert not list(elsewhere.iterdir())


@needs_compiler
def test_without_a_cache_a_temporary_folder_does(source, tmp_path, monkeypatch):
    (tmp_path / 'file').touch()
    monkeypatch.setenv('MMHSI_CACHE', str(tmp_path / 'file' / 'cache'))
    assert load_library(source, (source.with_suffix('.h'),)).answer() == 42


@needs_compiler
@pytest.mark.parametrize('damage', ['cut', 'empty', 'one byte', 'zeros', 'absent', 'link', 'no note', 'note', 'other'])
def test_a_damaged_cache_is_compiled_anew_once(source, tmp_path, monkeypatch, damage):
    header = source.with_suffix('.h')
    load_library(source, (header,))
    (library,) = libraries(tmp_path)
    (note,) = library.parent.glob('*.json')
    content = library.read_bytes()
    library.unlink()  # the loaded one stays mapped
    if damage == 'link':
        (tmp_path / 'other.so').write_bytes(content)
        library.symlink_to(tmp_path / 'other.so')
    elif damage != 'absent':
        library.write_bytes(
            {
                'cut': content[: len(content) // 2],
                'empty': b'',
                'zeros': bytes(len(content)),
                'one byte': content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
            }.get(damage, content)
        )
    if damage == 'no note':
        note.unlink()
    elif damage == 'note':
        note.write_text('[1')
    elif damage == 'other':
        note.write_text(note.read_text().replace(library.name, '../../other.so'))
    compiled, compile = [], native_library._compile
    monkeypatch.setattr(native_library, '_compile', lambda *args: compiled.append(compile(*args)))
    for _ in range(2):
        assert load_library(source, (header,)).answer() == 42
    assert len(compiled) == 1 and libraries(tmp_path) == [library] and library.read_bytes() == content


@pytest.mark.parametrize(
    'compiler, message',
    [
        ('true', 'failed: it ended without an error, but wrote no library'),
        ('false', '--version failed'),
        ('cc "', 'in CC is not a valid command: No closing quotation'),
        ('   ', 'named by CC is not in the path'),
    ],
)
def test_a_compiler_that_gives_nothing_is_named(source, tmp_path, monkeypatch, compiler, message):
    monkeypatch.setenv('CC', compiler)
    for _ in range(2):
        with pytest.raises(OSError, match=message):
            load_library(source, (source.with_suffix('.h'),))
    assert not (tmp_path / 'cache').exists() or not list((tmp_path / 'cache' / 'ops').iterdir())


@needs_compiler
def test_an_error_of_the_compiler_is_told_and_leaves_nothing(source, tmp_path):
    source.with_suffix('.h').write_text('#define ANSWER nonsense\n')
    with pytest.raises(OSError, match='(?s)answer.c: .* failed: .*nonsense'):
        load_library(source, (source.with_suffix('.h'),))
    assert libraries(tmp_path) == [] and not list((tmp_path / 'cache' / 'ops').iterdir())


def test_a_missing_compiler_is_named(monkeypatch):
    monkeypatch.setenv('CC', 'no-such-compiler -O2')
    with pytest.raises(OSError, match="the C compiler 'no-such-compiler -O2' named by CC is not in the path"):
        find_compiler()
    monkeypatch.delenv('CC')
    monkeypatch.setenv('PATH', '')
    with pytest.raises(OSError, match='there is no C compiler'):
        find_compiler()


@pytest.mark.parametrize('fault', ['no-such-compiler', 'true', 'cc "', 'not private', 'forbidden'])
def test_without_a_kernel_the_other_back_ends_work_and_say_so_once(tmp_path, monkeypatch, caplog, fault):
    import torch
    from ssa_inputs import random_inputs

    import mmhsi.ops.sparse_sampling_attention  # noqa: F401

    module = sys.modules['mmhsi.ops.sparse_sampling_attention']
    monkeypatch.setenv('MMHSI_CACHE', str(tmp_path))
    expected = {
        'true': 'wrote no library',
        'cc "': 'is not a valid command',
        'not private': 'nobody else may write',
    }.get(fault, fault)
    if fault == 'not private':
        tmp_path.chmod(0o777)
    elif fault == 'forbidden':
        ssa_fused.forbid('forbidden')
    else:
        monkeypatch.setenv('CC', fault)
    monkeypatch.delenv('MMHSI_SSA_BACKEND', raising=False)
    monkeypatch.setattr(module._fused_kernel_works, 'told', False)
    ssa_fused._load.cache_clear()
    inputs = random_inputs(1, 1, (3, 3), 4, 2, dtype=torch.float32)
    try:
        with caplog.at_level(logging.WARNING):
            results = [attend(*inputs, (3, 3)) for _ in range(2)]
        assert torch.equal(results[0], attend(*inputs, (3, 3), backend='dense'))
        assert [record.message.count(expected) for record in caplog.records] == [1]
        with pytest.raises(ValueError, match=f'not available here: .*{expected}'):
            attend(*inputs, (3, 3), backend='fused')
    finally:
        ssa_fused.forbid(None)
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
        'print(module.load_library(source, (source.with_suffix(".h"),)).answer())\n'
    )
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
