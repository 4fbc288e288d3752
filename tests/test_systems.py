"""The package on systems without the calls of POSIX, tried by taking these away."""

import os
import subprocess
import sys
from pathlib import Path

from tiny_experiment import tiny_config

ROOT = Path(__file__).resolve().parents[1]
_WITHOUT_POSIX = """
import importlib, os, pkgutil, platform, shutil, signal, socket, sys, time, types
import mmhsi
import matplotlib.pyplot, mmpretrain.models, mmseg.models, rasterio, skimage.io, sklearn, tensorboard, torch
ABSENT = {
    os: 'fork forkpty register_at_fork getuid geteuid getgid getgroups getpgid uname sysconf killpg sched_getaffinity '
        'sched_setaffinity sched_yield statvfs fstatvfs mkfifo mknod chown fchown lchown wait wait4 waitid setsid nice '
        'getloadavg getpriority openpty ttyname pread preadv pwrite pwritev posix_fallocate posix_fadvise sendfile '
        'fdatasync sync lockf O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_CLOEXEC O_SYNC',
    signal: 'SIGKILL SIGCHLD SIGHUP SIGQUIT SIGALRM SIGUSR1 SIGUSR2 SIGSTOP SIGCONT SIGPIPE SIGXCPU alarm setitimer '
            'pause pthread_kill pthread_sigmask sigwait siginterrupt',
    time: 'tzset',
    socket: 'AF_UNIX',
}
for module, names in ABSENT.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
for name in ('resource', 'fcntl', 'pwd', 'grp', 'termios', 'tty', 'pty', 'syslog', 'posix', 'readline', 'curses'):
    sys.modules[name] = None
opened = os.open

def open_no_folder(path, *args, **kwargs):
    if os.path.isdir(path):
        raise PermissionError(13, 'Permission denied', str(path))
    return opened(path, *args, **kwargs)

os.open = open_no_folder
shutil._use_fd_functions = False  # rmtree as on Windows
importlib.reload(mmhsi.compat)
for module in pkgutil.walk_packages(mmhsi.__path__, 'mmhsi.'):
    if '.mim' not in module.name and not module.name.endswith('ssa_triton'):
        importlib.import_module(module.name)
from mmhsi.utils import files
files.sys = types.SimpleNamespace(platform='win32')
files.write_text('file.txt', 'written')
platform.system = lambda: 'Windows'  # MMEngine asks
from mmhsi.ops import sparse_sampling_attention
tensors = [torch.rand(1, 2, 16, 4) for _ in range(3)]
print(tuple(sparse_sampling_attention(*tensors, torch.rand(1, 2, 16, 3, 2), (4, 4)).shape))

from mmhsi.cli import main
for line in open('commands.txt'):
    try:
        status = main(line.split())
    except SystemExit as end:
        status = end.code
    assert not status, (line, status)
print('all commands')
"""
_COMMANDS = """
--help
info
models tiny
init cube.npy labels.npy --task classification --out mine
data tiny.py
baseline tiny.py --work-dir classical
train tiny.py
test tiny.py run/epoch_1.pth --work-dir tested
predict cube.npy -w run/epoch_1.pth -o out --device cpu
view cube.npy
report run
"""


def test_every_module_and_command_works_without_posix(tmp_path):
    tiny_config(tmp_path, tmp_path / 'run', max_epochs=1).dump(tmp_path / 'tiny.py')
    (tmp_path / 'commands.txt').write_text(_COMMANDS.strip())
    environment = {
        **os.environ,
        'PYTHONPATH': str(ROOT),
        'OMP_NUM_THREADS': '1',
        'MMHSI_CACHE': str(tmp_path / 'cache'),
    }
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', _WITHOUT_POSIX],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    lines = done.stdout.splitlines()
    assert '(1, 2, 16, 4)' in lines and lines[-1] == 'all commands'
    assert (tmp_path / 'file.txt').read_text() == 'written'
    assert list((tmp_path / 'out').rglob('*_classes.tif'))
