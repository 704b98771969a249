"""Two saved benchmark runs are compared in epochs, and a damaged file is one clear line."""

import pytest

import influence_bench as ib
from influence_bench.bench.speed.saved import compare, read, saved


@pytest.mark.usefixtures("saved_benchmarks")
def test_epochs_are_compared_and_seconds_where_a_run_has_no_epochs_or_very_few():
    frame = compare(read(saved("before")), read(saved("after")))
    frame["benchmark"] = frame["benchmark"].str.partition("::")[2]
    rows = frame.set_index("benchmark")
    assert rows["verdict"].to_dict() == {
        "slower": "slower",
        "plain": "same",
        "same": "same",
        "tiny": "same",
        "faster": "faster",
        "gone": "gone",
        "new": "new",
    }
    assert rows["ratio"].dropna().to_dict() == pytest.approx(
        {"slower": 1.5, "plain": 1.1, "same": 1.05, "tiny": 1.0, "faster": 0.5}
    )
    assert rows["unit"][rows["unit"] == "seconds"].index.tolist() == ["plain", "tiny"]
    assert frame["ratio"].dropna().is_monotonic_decreasing


@pytest.mark.usefixtures("saved_benchmarks")
def test_a_threshold_is_a_ratio_above_1():
    with pytest.raises(ib.InputError, match="threshold=1 is out of range: give a ratio above 1"):
        compare(read(saved("before")), read(saved("after")), 1)


def test_a_run_is_found_by_file_number_or_name_and_the_latest_counts(save_benchmarks):
    first, second = save_benchmarks("one", {"a": (1.0, None)}), save_benchmarks("one", {"a": (2.0, None)}, number=2)
    other = save_benchmarks("two", {"a": (2.0, None)}, number=3)
    assert saved("one") == second.relative_to(second.parents[2])
    assert saved("0001").samefile(first)
    assert saved("0001_one").samefile(first)
    assert saved("two").samefile(other)
    assert saved(str(first)) == first


def test_a_run_that_is_not_there_is_an_error_that_names_the_mend(save_benchmarks):
    with pytest.raises(ib.InputError, match="--benchmark-save=NAME"):
        saved("before")
    save_benchmarks("before", {"a": (1.0, None)})
    with pytest.raises(ib.InputError, match="did you mean before"):
        saved("befor")


DAMAGED = {
    "cut short": b'{"benchmarks": [{"fullname": "a", "stats": {"med',
    "not text": b"\xff\xfe\x00",
    "another file": b'{"cells": []}',
    "a list": b"[1, 2]",
    "a number": b"7",
    "not a time": b'{"benchmarks": [{"fullname": "a", "stats": {"median": "fast"}}]}',
    "no time": b'{"benchmarks": [{"fullname": "a", "stats": {"median": NaN}}]}',
    "negative epochs": b'{"benchmarks": [{"fullname": "a", "stats": {"median": 1}, "extra_info": {"epochs": -1}}]}',
    "odd extras": b'{"benchmarks": [{"fullname": "a", "stats": {"median": 1}, "extra_info": [1]}]}',
    "nothing in it": b'{"benchmarks": []}',
    "twice": b'{"benchmarks": [%b, %b]}' % ((b'{"fullname": "a", "stats": {"median": 1}}',) * 2),
    "nested deeply": b"[" * 100_000,
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_file_is_named(tmp_path, kind):
    file = tmp_path / "damaged.json"
    file.write_bytes(DAMAGED[kind])
    with pytest.raises(ib.InputError) as raised:
        read(file)
    assert str(file) in str(raised.value)
