"""Resident memory of this process, as the kernel counts it.

The high-water mark VmHWM is read rather than `ru_maxrss`, which survives exec and then reports the parent, and rather
than `tracemalloc`, which does not see what torch allocates.
"""

import ctypes
import gc
import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def _status(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise OSError(f"{_STATUS} has no {field}")


def peak_bytes() -> int:
    """Highest resident size since `reset_peak`, or since the process began where the kernel cannot reset it."""
    if _STATUS.exists():
        return _status("VmHWM:")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def resident_bytes() -> int:
    """Resident size now; the peak where the kernel does not tell."""
    return _status("VmRSS:") if _STATUS.exists() else peak_bytes()


def reset_peak() -> None:
    """Make the present resident size the peak, where the kernel can."""
    if _CLEAR.exists():
        _CLEAR.write_text("5")


def settle() -> None:
    """Give freed memory back to the kernel, so that what is allocated next is seen as new."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def limit(total: int) -> None:
    """Let allocations fail beyond `total` bytes of private data above what the process holds now."""
    if sys.platform == "linux":
        bound = _status("VmData:") + total
        resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))
