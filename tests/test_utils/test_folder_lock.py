"""Folders that one process at a time writes to."""

import os
import time

import pytest

from mmhsi.utils.folder_lock import FolderBusyError, FolderLock


@pytest.mark.parametrize('shared', [False, True])
def test_a_folder_is_held_by_one(tmp_path, shared):
    busy = pytest.raises(FolderBusyError, match=rf'run: a training \(process {os.getpid()} on .* is writing this')
    with FolderLock(tmp_path / 'run', 'a training'), busy:
        FolderLock(tmp_path / 'run', 'another', shared=shared)
    with (
        FolderLock(tmp_path / 'run', 'a conversion', shared=True),
        FolderLock(tmp_path / 'run', 'b', shared=True),
        pytest.raises(FolderBusyError, match='another process is writing'),
    ):
        FolderLock(tmp_path / 'run', 'a merge')
    lock = FolderLock(tmp_path / 'run', 'a training')
    child = os.fork()
    if not child:
        time.sleep(20)
        os._exit(0)
    lock.release()  # although the child has it open
    FolderLock(tmp_path / 'run', 'the next').release()
    assert not (tmp_path / 'run/.lock').exists()
    os.kill(child, 9)
    os.waitpid(child, 0)
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match='file/x: the folder cannot be written: Not a directory'):
        FolderLock(tmp_path / 'file' / 'x', 'a training')


def test_many_processes_take_turns(tmp_path):
    """No process sees the mark of another one inside, although the lock file is created and removed."""

    def work() -> int:
        done = 0
        while done < 20:
            try:
                lock = FolderLock(tmp_path, 'a test')
            except FolderBusyError:
                continue
            with lock:
                (tmp_path / 'inside').mkdir()
                (tmp_path / 'inside').rmdir()
            done += 1
        return 0

    children = []
    for _ in range(4):
        child = os.fork()
        if not child:
            code = 1
            try:
                code = work()
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4


def test_a_killed_holder_holds_nothing(tmp_path):
    child = os.fork()
    if not child:
        FolderLock(tmp_path, 'a training')
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    assert (tmp_path / '.lock').exists()
    FolderLock(tmp_path, 'the next').release()
    assert not (tmp_path / '.lock').exists()
