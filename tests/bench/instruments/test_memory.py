"""Memory gauges where the kernel keeps no /proc, or leaves some of its fields out."""

import resource
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
