"""Memory of the machine and of this process, where the system reports it."""

import ctypes
import os
import sys
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]  # a module, or None


class _MemoryStatus(ctypes.Structure):
    """``MEMORYSTATUSEX`` of Windows."""

    _fields_ = [('length', ctypes.c_uint32), ('load', ctypes.c_uint32)] + [
        (name, ctypes.c_uint64)
        for name in (
            'total',
            'available',
            'total_page_file',
            'available_page_file',
            'total_virtual',
            'available_virtual',
            'available_extended',
        )
    ]


def available_memory() -> int | None:
    """Bytes that can be allocated without swapping, or the total memory if that is unknown, or None if the system
    reports neither."""
    try:
        for line in Path('/proc/meminfo').read_text(encoding='ascii').splitlines():
            if line.startswith('MemAvailable:'):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    if hasattr(os, 'sysconf'):
        return os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    if hasattr(ctypes, 'windll'):
        status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
        if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
            return status.available
    return None


def resident_memory(peak: bool = False) -> int | None:
    """Bytes of memory that this process holds.

    Args:
        peak (bool): Return the peak so far instead. Defaults to False.

    Returns:
        int | None: The bytes; always the peak outside Linux, None on Windows.
    """
    try:
        for line in Path('/proc/self/status').read_text(encoding='utf-8').splitlines():
            if line.startswith('VmHWM:' if peak else 'VmRSS:'):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    if resource is None:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)
