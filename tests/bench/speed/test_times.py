"""Times, ratios and verdicts: medians of CPU time over rounds of calls in turn."""

import numpy as np
import pytest
import torch

from influence_bench.bench.speed.times import Time, allowed, in_turn, judge, one_thread, peak_bytes
from influence_bench.bench.speed.works import EPOCH, FORWARD, Work


def times(*cpu):
    return [Time(100.0, seconds) for seconds in cpu]


def test_ratios_and_verdicts_are_those_of_median_cpu_times():
    goals = {FORWARD: {}, EPOCH: {}, "a": {FORWARD: 1.5}, "b": {"a": 1, EPOCH: 0.5}}
    took = {FORWARD: times(1, 2, 90), EPOCH: times(4, 5, 3), "a": times(3.1, 0, 4), "b": times(5, 6, 5.1)}
    forward, epoch, a, b = judge([Work(name, None, goal) for name, goal in goals.items()], took)
    assert (forward.priced_seconds, forward.forwards, forward.epochs, forward.met) == (2, 1, 0.5, None)
    assert (epoch.forwards, epoch.epochs, epoch.allowed) == (2, 1, None)
    assert (a.forwards, a.epochs, a.allowed, a.met) == (1.55, 0.775, 3, False)
    assert (b.times, b.goal, b.allowed, b.met) == (took["b"], goals["b"], pytest.approx(5.1), True)


@pytest.mark.parametrize(("goal", "expected"), [({}, None), ({"x": 2}, 6), ({"x": 1, "y": 0.5}, 5)])
def test_what_a_goal_allows(goal, expected):
    assert allowed(goal, {"x": 3, "y": 4}) == expected


def test_works_are_called_in_turn_in_changing_order(shown):
    calls = []
    shown.stage("turns", 9)
    with one_thread():
        took = in_turn({name: lambda name=name: calls.append(name) for name in "abcd"}, 3, shown)
    rounds = [calls[start : start + 4] for start in (0, 4, 8)]
    assert all(sorted(turn) == list("abcd") for turn in rounds)
    assert len(set(map(tuple, rounds))) > 1
    assert {name: len(calls) for name, calls in took.items()} == dict.fromkeys("abcd", 3)


def test_peak_memory_is_that_of_the_call():
    assert peak_bytes(lambda: np.ones(200_000_000, dtype=np.uint8).sum()) == pytest.approx(200e6, rel=0.1)


def test_threads_are_as_before_after_timing():
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
