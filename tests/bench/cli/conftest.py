"""What tests of several commands share: a cache of problems, a table with wrong labels and a plug-in."""

import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris

PLUGIN = """
import numpy as np
import influence_bench as ib

@ib.method(family="mine", paper="none")
def my_method(problem, power: float = 1.0):
    "The loss to a power."
    return ib.score("loss", problem) ** power
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Problems are prepared in a folder of the test session."""
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path_factory.getbasetemp() / "problems"))


@pytest.fixture
def flowers(tmp_path):
    """Iris as a CSV file with 15 of 150 labels wrong, and the set of these rows; trusted.csv lies beside it."""
    data = load_iris(as_frame=True).frame.rename(columns={"target": "kind"})
    wrong = np.random.default_rng(0).choice(len(data), 15, replace=False)
    data["kind"] = data["kind"].map({0: "setosa", 1: "versicolor", 2: "virginica"})
    given = data.copy()
    given.loc[wrong, "kind"] = data.loc[wrong, "kind"].map(
        {"setosa": "versicolor", "versicolor": "virginica", "virginica": "setosa"}
    )
    given.to_csv(tmp_path / "flowers.csv", index=False)
    data.iloc[::5].to_csv(tmp_path / "trusted.csv", index=False)
    return tmp_path / "flowers.csv", set(wrong)


@pytest.fixture
def plugin(tmp_path, own_methods):
    """A plug-in file with the method my-method, which is forgotten after the test."""
    file = tmp_path / "mine.py"
    file.write_text(PLUGIN)
    yield file
    sys.modules.pop("influence_bench_plugin_mine", None)
