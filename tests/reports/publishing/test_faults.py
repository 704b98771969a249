"""What is missing from a run, or contradicts itself in it, is named."""

import re
from dataclasses import replace

import numpy as np
import pytest
from stored_runs import PROBLEMS, stored_run

from influence_bench.reports.publishing.faults import faults


@pytest.fixture
def run(tmp_path):
    return stored_run(tmp_path / "run")


def info_with(run, **changes):
    run.write_info(replace(run.info, suite=replace(run.info.suite, **changes)))


def cell_with(run, **changes):
    """Change a cell that ended well, and keep its scores."""
    cell = next(cell for cell in run.cells() if cell.method == "el2n")
    run.write_cell(replace(cell, scores=None, **changes), run.scores(cell))


def costing(run, **changes):
    cell_with(run, cost=replace(next(cell for cell in run.cells() if cell.method == "el2n").cost, **changes))


def removed(run, pattern):
    for file in run.folder.glob(pattern):
        file.unlink()


def truth(run, change):
    problem = run.problems()[0]
    arrays = {name: array.copy() for name, array in run.truths(problem.spec.slug).items()}
    run.write_problem(problem, change(arrays))


def test_a_whole_run_has_no_fault(run):
    assert faults(run) == []


FLIPPED = np.arange(40) < 9
CASES = {
    "a cell is gone": (
        lambda run: removed(run, "cells/digits*seed1/loss.json"), "the cell loss on digits.*seed1 is not there"
    ),
    "a row is gone": (lambda run: removed(run, "cells/*/loss.json"), "the row loss of the suite is not there"),
    "a seed is gone": (
        lambda run: [removed(run, pattern) for pattern in ("cells/digits*seed1/*.json", "problems/digits*seed1.*")],
        "the problem digits.*seed1 of the suite is not there",
    ),
    "fewer seeds in run.json": (lambda run: info_with(run, seeds=1), "the problem .*seed1 is none of the suite's"),
    "other problems in run.json": (
        lambda run: info_with(run, problems=PROBLEMS[:1]), "the problem blobs.* is none of the suite's"
    ),
    "other methods in run.json": (lambda run: info_with(run, methods=("el2n",)), "the row loss is none of the suite's"),
    "one more method in run.json": (
        lambda run: info_with(run, methods=("*", "ours[a=1]")), "the row ours of the suite is not there"
    ),
    "dearer": (lambda run: costing(run, seconds=9.0), "the cost of el2n on .* is not the sum of its phases"),
    "cheaper": (lambda run: costing(run, epochs=0.001), "the cost of el2n on .* or not that many epochs"),
    "another method": (lambda run: cell_with(run, name="loss"), "el2n is another method on "),
    "another family": (lambda run: cell_with(run, family="control"), "el2n is another method on "),
    "fewer rows": (
        lambda run: run.write_problem(replace(run.problems()[0], n_train=39), run.truths(run.problems()[0].spec.slug)),
        "has 39 training rows, and a truth of 40",
    ),
    "another truth": (
        lambda run: truth(run, lambda arrays: arrays | {"truth": FLIPPED}), "truth of .* is not its noise of all kinds"
    ),
    "another noise": (
        lambda run: truth(run, lambda arrays: dict.fromkeys(arrays, FLIPPED)), "has a noise rate of 0.225, not of 0.2"
    ),
    "another shape": (
        lambda run: truth(run, lambda arrays: {"truth": np.ones((40, 2), bool)}), "has scores of another shape"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_fit_is_named(run, case):
    change, said = CASES[case]
    change(run)
    lines = faults(run)
    assert any(re.search(said, line) for line in lines), lines
    assert not any("\n" in line for line in lines)


def test_rows_that_are_not_installed_may_be_missing(run):
    info_with(run, methods=("*", "cleanlab"))
    run.write_info(replace(run.info, not_installed={"cleanlab": ["cleanlab"]}))
    assert faults(run) == []


def test_epochs_may_be_of_wall_or_of_cpu_seconds(run):
    cost = next(cell for cell in run.cells() if cell.method == "el2n").cost
    costing(run, epochs=cost.cpu_seconds / cost.epoch_seconds)
    assert faults(run) == []
