"""The package on systems without the calls of POSIX, tried by taking these away."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_WITHOUT_POSIX = """
import importlib, os, pkgutil, sys
import mmhsi
import matplotlib.pyplot, mmpretrain.models, mmseg.models, rasterio, skimage.io, sklearn, tensorboard, torch
NAMES = ('fork', 'forkpty', 'register_at_fork', 'getuid', 'geteuid', 'getgid', 'getpgid', 'uname', 'sysconf', 'killpg',
         'sched_getaffinity', 'sched_setaffinity', 'statvfs', 'mkfifo', 'chown', 'wait', 'setsid', 'O_DIRECTORY')
for name in NAMES:
    if hasattr(os, name):
        delattr(os, name)
for name in ('resource', 'fcntl', 'pwd', 'grp', 'termios', 'syslog'):
    sys.modules[name] = None
opened = os.open

def open_no_folder(path, *args, **kwargs):
    if os.path.isdir(path):
        raise PermissionError(13, 'Permission denied', str(path))
    return opened(path, *args, **kwargs)

os.open = open_no_folder
importlib.reload(mmhsi.compat)
for module in pkgutil.walk_packages(mmhsi.__path__, 'mmhsi.'):
    if '.mim' not in module.name and not module.name.endswith('ssa_triton'):
        importlib.import_module(module.name)
from mmhsi.utils.files import write_text
sys.platform = 'win32'
write_text(sys.argv[1], 'written')
sys.platform = 'linux'
from mmhsi.ops import sparse_sampling_attention
tensors = [torch.rand(1, 2, 16, 4) for _ in range(3)]
print(tuple(sparse_sampling_attention(*tensors, torch.rand(1, 2, 16, 3, 2), (4, 4)).shape))
"""


def test_every_module_imports_and_files_are_written_without_posix(tmp_path):
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', 'MMHSI_CACHE': str(tmp_path)}
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', _WITHOUT_POSIX, str(tmp_path / 'file.txt')],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == '(1, 2, 16, 4)'
    assert (tmp_path / 'file.txt').read_text() == 'written'
