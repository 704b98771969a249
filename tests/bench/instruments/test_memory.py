"""Memory gauges where the kernel keeps no /proc, or leaves some of its fields out; limits of memory."""

import resource
import subprocess
import sys

import pytest

from influence_bench.bench.instruments import memory


@pytest.fixture(params=["absent", "without our fields"])
def little_proc(request, monkeypatch, tmp_path):
    """A machine whose kernel gives none of the figures that the gauges read first."""
    status = tmp_path / "status"
    if request.param != "absent":
        status.write_text("Name:\tpython\nThreads:\t1\n")
    monkeypatch.setattr(memory, "_STATUS", status)
    monkeypatch.setattr(memory, "_CLEAR", tmp_path / "no folder" / "clear_refs")


def test_without_proc_the_peak_of_the_process_stands_for_both_sizes(little_proc):
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    assert memory.peak_bytes() >= peak > 0
    assert memory.resident_bytes() >= peak


def test_without_proc_the_peak_is_not_reset_and_nothing_is_limited(little_proc, monkeypatch):
    monkeypatch.setattr(resource, "setrlimit", lambda *_: pytest.fail("a limit was set"))
    before = memory.peak_bytes()
    memory.reset_peak()
    memory.limit(10**6)
    assert memory.peak_bytes() >= before


LIMITED = """
import resource
from influence_bench.bench.instruments import memory
if {before}:
    resource.setrlimit(resource.RLIMIT_DATA, ({before}, {before}))
memory.limit({total})
print(resource.getrlimit(resource.RLIMIT_DATA)[0])
try:
    held = bytearray({taken})
except MemoryError:
    print("refused")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps such a limit")
@pytest.mark.parametrize(
    ("before", "total", "taken", "refused"),
    [(0, 2 * 10**8, 3 * 10**8, True), (0, 2 * 10**8, 10**8, False), (4 * 10**9, 10**12, 5 * 10**9, True)],
    ids=["above the limit", "below the limit", "a limit from outside is lower"],
)
def test_allocations_fail_above_the_limit_and_a_lower_limit_stays(before, total, taken, refused):
    script = LIMITED.format(before=before, total=total, taken=taken)
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    bound, *printed = done.stdout.split()
    assert printed == ["refused"] * refused
    assert not before or int(bound) == before
