"""The tables say what the times say, within the width of a terminal."""

from rich.console import Console

from influence_bench.bench.speed.comparison import Comparison
from influence_bench.bench.speed.printout import print_measurement, print_notes
from influence_bench.bench.speed.times import Measurement, Time, judge
from influence_bench.bench.speed.works import EPOCH, FORWARD, NORMS, Work


def times(*cpu):
    return [Time(100.0, seconds) for seconds in cpu]


def test_a_table_with_peers(capsys):
    took = {FORWARD: times(2), EPOCH: times(4), NORMS: times(3)}
    rows = judge([Work(FORWARD, None), Work(EPOCH, None), Work(NORMS, None, {EPOCH: 0.7})], took)
    measurement = Measurement("mlp", 10, 20, 128, 1, rows)
    peer = Comparison(NORMS, "quick", "1", "counts weights only", times(6), times(3), 2.0, 0.99)
    failing = Comparison(NORMS, "broken", "1", "", [], [], error="ValueError: no")
    console = Console(width=80)
    print_measurement(measurement, [peer, failing], console)
    print_notes([measurement], True, console)
    out = capsys.readouterr().out
    assert all(len(line.rstrip()) <= 80 for line in out.splitlines())
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert f"{NORMS} 3 1.50 0.75 0.70 epoch missed 8% 0" in lines
    assert "quick 6 3.00 1.50 2 × ours ρ 0.990" in lines
    assert "broken fails" in lines
    assert "quick counts weights only" in lines
    assert f"broken fails on {NORMS}: ValueError: no" in lines


def test_the_goal_of_a_work_that_adds_others_up_is_written_out(capsys):
    took = {FORWARD: times(2), EPOCH: times(4), NORMS: times(3)}
    rows = judge([Work(FORWARD, None), Work(EPOCH, None), Work(NORMS, None, {FORWARD: 1, EPOCH: 0.5})], took)
    sums = judge([Work(FORWARD, None), Work(EPOCH, None), Work(NORMS, None, {NORMS: 1, EPOCH: 0.3})], took)
    print_notes([Measurement("mlp", 10, 20, 128, 1, rows)], False, Console(width=200))
    assert "Goal of" not in capsys.readouterr().out
    print_notes([Measurement("mlp", 10, 20, 128, 1, sums)], False, Console(width=200))
    assert f"Goal of {NORMS}: {NORMS} + 0.3 × {EPOCH}." in capsys.readouterr().out
