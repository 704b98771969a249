"""`influence-bench bench`: every work runs, and ratios, goals, tables and JSON say what they are said to say."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from rich.console import Console

from influence_bench.bench.cli import main as cli
from influence_bench.bench.instruments import machine
from influence_bench.bench.progress import progress
from influence_bench.bench.speed import comparison as beside
from influence_bench.bench.speed import scaling
from influence_bench.bench.speed import works as engine
from influence_bench.bench.speed.comparison import Comparison, compared
from influence_bench.bench.speed.peers import peers
from influence_bench.bench.speed.table import print_measured, print_notes, print_scaling
from influence_bench.bench.speed.times import Measured, Time, allowed, interleaved, judged, one_thread, peak_bytes
from influence_bench.bench.speed.works import EPOCH, FORWARD, LAST_NORMS, NETWORKS, NORMS, Work, network, works

MLP = network("mlp")
SMALL = [("mlp", 40), ("small-resnet", 4), ("transformer", 2)]
VMAP = next(one for one in peers("last-layer squared L2 norms") if one.name == "torch.func vmap")


@pytest.fixture
def told():
    with progress("timing") as told:
        yield told


@pytest.fixture
def command(monkeypatch, capsys):
    """Run `influence-bench bench` in this process; returns exit status, standard output and standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["influence-bench", "bench", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "80")
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return run


@pytest.fixture
def tiny(monkeypatch):
    """The MLP on few rows, in place of all networks."""
    small = replace(MLP, rows=40, repeats=2)
    monkeypatch.setattr(engine, "NETWORKS", {"mlp": small})
    return small


@pytest.mark.parametrize(("name", "rows"), SMALL)
def test_every_work_gives_finite_scores(name, rows):
    problem = network(name).problem(rows)
    for work in works(network(name)):
        scores = work.prepare(problem)()
        if isinstance(scores, dict):
            assert [(key, part.shape) for key, part in scores.items()] == [
                (key, parameter.shape) for key, parameter in problem.model.named_parameters()
            ]
            scores = torch.cat([part.flatten() for part in scores.values()])
        elif work.name not in (FORWARD, EPOCH):
            assert len(scores) == rows
        assert np.isfinite(np.asarray(scores)).all()


def test_the_largest_network_gives_finite_scores():
    problem = network("resnet-18").problem(2)
    cheap = {
        work.name: work.prepare(problem) for work in works(network("resnet-18")) if work.name in (LAST_NORMS, NORMS)
    }
    assert all(np.isfinite(np.asarray(run())).all() for run in cheap.values())


def test_sizes_of_the_networks():
    sizes = {name: sum(p.numel() for p in one.build().parameters()) for name, one in NETWORKS.items()}
    assert sizes == {"mlp": 235_146, "small-resnet": 308_650, "transformer": 1_203_338, "resnet-18": 11_173_962}


def test_goals_name_works_that_are_there():
    for one in NETWORKS.values():
        found = works(one)
        assert {name for work in found for name in work.goal} <= {work.name for work in found}


def test_inner_products_are_the_same_with_a_direction_made_before_or_within():
    problem = MLP.problem(20)
    work = next(work for work in works(MLP) if work.beside)
    assert torch.equal(work.prepare(problem)(), work.beside(problem)())


def times(*cpu):
    return [Time(100.0, seconds) for seconds in cpu]


def test_ratios_and_verdicts_are_those_of_median_cpu_times():
    goals = {FORWARD: {}, EPOCH: {}, "a": {FORWARD: 1.5}, "b": {"a": 1, EPOCH: 0.5}}
    took = {FORWARD: times(1, 2, 90), EPOCH: times(4, 5, 3), "a": times(3.1, 0, 4), "b": times(5, 6, 5.1)}
    forward, epoch, a, b = judged([Work(name, None, goal) for name, goal in goals.items()], took)
    assert (forward.cpu_seconds, forward.forwards, forward.epochs, forward.met) == (2, 1, 0.5, None)
    assert (epoch.forwards, epoch.epochs, epoch.allowed) == (2, 1, None)
    assert (a.forwards, a.epochs, a.allowed, a.met) == (1.55, 0.775, 3, False)
    assert (b.times, b.goal, b.allowed, b.met) == (took["b"], goals["b"], pytest.approx(5.1), True)


@pytest.mark.parametrize(("goal", "expected"), [({}, None), ({"x": 2}, 6), ({"x": 1, "y": 0.5}, 5)])
def test_what_a_goal_allows(goal, expected):
    assert allowed(goal, {"x": 3, "y": 4}) == expected


def test_works_are_called_in_turn_in_changing_order(told):
    calls = []
    told.stage("turns", 9)
    with one_thread():
        found = interleaved({name: lambda name=name: calls.append(name) for name in "abcd"}, 3, told)
    rounds = [calls[start : start + 4] for start in (0, 4, 8)]
    assert all(sorted(one) == list("abcd") for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1
    assert {name: len(own) for name, own in found.items()} == dict.fromkeys("abcd", 3)


def test_peak_memory_is_that_of_the_call():
    assert peak_bytes(lambda: np.ones(200_000_000, dtype=np.uint8).sum()) == pytest.approx(200e6, rel=0.1)


def test_threads_are_as_before_after_timing():
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_a_peer_is_called_in_a_process_of_its_own_in_turn_with_ours():
    work = next(work for work in works(MLP) if work.name == VMAP.work)
    found = compared(work, VMAP, replace(MLP, repeats=2), MLP.problem(40))
    assert (found.error, found.peer, len(found.times), len(found.ours)) == ("", "torch.func vmap", 2, 2)
    assert found.spearman > 0.999
    theirs, ours = (np.median([one.cpu_seconds for one in own]) for own in (found.times, found.ours))
    assert found.factor == pytest.approx(theirs / ours)


def test_a_peer_that_takes_too_long_is_stopped_and_is_no_error(monkeypatch):
    monkeypatch.setattr(beside, "CALL_SECONDS", 0)
    found = compared(Work(VMAP.work, lambda problem: lambda: 0), VMAP, MLP, MLP.problem(2))
    assert (found.error, found.factor, found.times) == ("stopped after 0 s", None, [])


def test_the_command_prints_a_table_and_writes_every_figure(command, tiny, tmp_path):
    status, out, _ = command("engine", "--json", tmp_path / "figures.json", "--repeats", 3)
    assert status == 0
    assert all(len(line.rstrip()) <= 80 for line in out.splitlines())
    written = json.loads((tmp_path / "figures.json").read_text())
    assert written["machine"] == machine.describe()
    assert written.keys() == {"machine", "commit", "versions", "peer_versions", "threads", "networks"}
    (mlp,) = written["networks"]
    assert {key: mlp[key] for key in ("network", "parameters", "n", "batch_size", "repeats", "peers")} == {
        "network": "mlp", "parameters": 235_146, "n": 40, "batch_size": 128, "repeats": 3, "peers": [],
    }  # fmt: skip
    assert [row["work"] for row in mlp["rows"]] == [work.name for work in works(tiny)]
    medians = {row["work"]: np.median(row["times"], axis=0)[1] for row in mlp["rows"]}
    for row in mlp["rows"]:
        assert np.shape(row["times"]) == (3, 2)
        assert row["cpu_seconds"] == pytest.approx(medians[row["work"]])
        assert row["epochs"] == pytest.approx(row["cpu_seconds"] / medians[EPOCH])
        assert row["met"] == (row["cpu_seconds"] <= row["allowed"] if row["goal"] else None)
        assert any(line.startswith(row["work"][:16]) for line in out.splitlines())


def test_a_table_with_peers(capsys):
    took = {FORWARD: times(2), EPOCH: times(4), NORMS: times(3)}
    rows = judged([Work(FORWARD, None), Work(EPOCH, None), Work(NORMS, None, {EPOCH: 0.7})], took)
    found = Measured("mlp", 10, 20, 128, 1, rows)
    peer = Comparison(NORMS, "quick", "1", "counts weights only", times(6), times(3), 2.0, 0.99)
    failing = Comparison(NORMS, "broken", "1", "", [], [], error="ValueError: no")
    console = Console(width=80)
    print_measured(found, [peer, failing], console)
    print_notes([found], True, console)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert f"{NORMS} 3 1.50 0.75 0.70 epoch missed 8% 0" in lines
    assert "quick 6 3.00 1.50 2 × ours ρ 0.990" in lines
    assert "broken fails" in lines
    assert "quick counts weights only" in lines
    assert f"broken fails on {NORMS}: ValueError: no" in lines


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("engine", "--networks", "mpl"), "there is no network 'mpl': did you mean mlp?"),
        (("engine", "--repeats", "0"), "--repeats"),
        (("scaling", "--networks", "mlp"), "--networks"),
    ],
)
def test_a_mistake_is_one_line_and_exit_status_2(command, arguments, said):
    status, out, err = command(*arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1


def test_a_file_that_cannot_be_written_is_known_of_before_the_work(command, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("influence_bench.bench.speed.times.measured", lambda *_: pytest.fail("work was done"))
    status, _, err = command("engine", "--json", tmp_path)
    assert (status, len(err.splitlines())) == (2, 1)


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_the_exponent_of_a_power_law(power):
    sizes = [10, 100, 1000]
    assert scaling.exponent(sizes, [3 * size**power for size in sizes]) == pytest.approx(power)


def test_scaling_over_rows_and_parameters(told, capsys):
    rows = scaling.over_rows(told, (64, 128))
    parameters = scaling.over_parameters(told, (10_000, 30_000))
    assert rows.sizes == [64, 128]
    assert parameters.sizes == pytest.approx([10_000, 30_000], rel=0.02)
    for found in (rows, parameters):
        assert all(len(own) == 2 and min(own) > 0 for own in found.cpu_seconds.values())
        assert {name: pytest.approx(e) for name, e in found.exponents.items()} == {
            name: scaling.exponent(found.sizes, own) for name, own in found.cpu_seconds.items()
        }
        print_scaling(found, Console(width=80))
        assert f"{found.sizes[1]:,}" in capsys.readouterr().out
