"""The small recipes reach their goals on clean labels: digits here, the image datasets by the command `recipes`."""

import pytest
from typer.testing import CliRunner

import influence_bench as ib
from influence_bench.bench.cli.main import app
from influence_bench.bench.training.goals import reached


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path_factory.getbasetemp() / "problems"))


def test_the_mlp_reads_97_of_100_digits():
    ((goal, accuracy),) = reached(["digits"], seeds=20)
    assert goal.model == "mlp"
    assert accuracy >= goal.accuracy == 0.97


def test_the_command_prints_what_is_reached_and_the_goal():
    printed = CliRunner().invoke(app, ["recipes", "--datasets", "digits"]).output
    assert printed.startswith("mlp on digits: test accuracy 0.9")
    assert "goal 0.97 " in printed


def test_a_dataset_without_a_goal_is_refused_by_name():
    with pytest.raises(ib.InputError, match="no goal for the dataset 'digit': did you mean digits"):
        list(reached(["digit"]))
