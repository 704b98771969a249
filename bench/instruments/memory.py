"""Resident memory of this process, from the kernel's own counters.

The peak is the field VmHWM of /proc where the kernel has it. `ru_maxrss` survives exec, and then gives the peak of the
process that started this one; `tracemalloc` does not see what torch allocates.
"""

import ctypes
import gc
import resource
import sys
from contextlib import suppress
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def peak_bytes() -> int:
    """The largest resident size since `reset_peak`, or since the process began where the kernel cannot reset it."""
    peak = _status("VmHWM:")
    if peak is not None:
        return peak
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def resident_bytes() -> int:
    """The resident size now; the peak where the kernel does not say."""
    resident = _status("VmRSS:")
    return peak_bytes() if resident is None else resident


def reset_peak() -> None:
    """Make the present resident size the peak, where the kernel can."""
    with suppress(OSError):
        _CLEAR.write_text("5", encoding="utf-8")


def settle() -> None:
    """Return freed memory to the kernel, so that the next allocation shows in the resident size."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def limit(total: int) -> None:
    """Make allocations fail beyond `total` bytes more than the private data that the process holds now.

    A limit that the process already has is never raised. Without effect where the kernel does not say how much the
    process holds.
    """
    data = _status("VmData:")
    if data is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = data + total if hard == resource.RLIM_INFINITY else min(data + total, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _status(field: str) -> int | None:
    """A field of /proc/self/status in bytes; None where there is no /proc, or the kernel leaves the field out."""
    lines = _STATUS.read_text(encoding="utf-8").splitlines() if _STATUS.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(field)), None)
