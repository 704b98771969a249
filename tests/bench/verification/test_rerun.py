"""Cells of a published run are run again, and every difference is named with what has changed since."""

import re
from dataclasses import replace

import numpy as np
import pytest

import influence_bench as ib
from influence_bench.bench.results.archive import pack, unpack
from influence_bench.bench.verification.rerun import drawn, rerun

METHODS = ["loss", "el2n", "margin", "random"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The archive of a run of `METHODS` on one problem, which is prepared again in a cache of its own."""
    folder = tmp_path_factory.mktemp("again")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INFLUENCE_BENCH_CACHE", str(folder / "cache"))
        pack(
            ib.run("quick", folder / "run", methods=METHODS, datasets=["blobs"], seeds=1, workers=1), folder / "archive"
        )
        patch.setenv("INFLUENCE_BENCH_CACHE", str(folder / "another cache"))
        yield folder / "archive"


@pytest.fixture
def run(archive, tmp_path):
    """The unpacked run."""
    return unpack(archive, tmp_path / "run")


def changed_cell(run, method, scores=None, **changes):
    cell = next(cell for cell in run.cells() if cell.method == method)
    run.write_cell(replace(cell, scores=None, **changes), run.scores(cell) if scores is None else scores)


def test_a_run_on_the_same_machine_comes_out_the_same_to_the_bit(run):
    cells = run.cells()
    results = rerun(run, cells, workers=1)
    assert [again.name for again in results] == [f"{cell.method} on {cell.problem}" for cell in cells]
    for again in results:
        assert again.differences == again.changed == []
        assert again.cost > 0


def test_everything_that_is_not_as_it_was_published_is_named(run):
    by_method = {cell.method: cell for cell in run.cells()}
    scores = run.scores(by_method["loss"]).copy()
    scores[[3, 5]] *= 1 + 1e-6, 1 - 1e-9
    changed_cell(run, "loss", scores)
    changed_cell(run, "el2n", run.scores(by_method["el2n"])[:-1])
    ours = by_method["margin"].depends_on
    older = ours | {"version of torch": "1.0"} | {name: "0" for name in ours if name.startswith("code of ")}
    changed_cell(run, "margin", depends_on=older)
    (problem,) = run.problems()
    truth = run.truth(problem.spec.slug)[::-1]
    run.write_problem(replace(problem, model_accuracy=0.999), {"truth": truth})
    changed_cell(run, "random", name="outlier-gradient", hyperparameters={"detector": "luck"})
    loss, el2n, margin, failed = rerun(run, sorted(run.cells(), key=lambda cell: METHODS.index(cell.method)), workers=1)
    of_problem = [
        "the truth of its problem is another",
        f"the test accuracy of its model is {problem.model_accuracy}, published 0.999",
    ]
    assert loss.differences == [f"2 of {len(scores)} scores differ, by at most 1e-06 of themselves", *of_problem]
    assert el2n.differences == [f"({len(scores)},) scores, published ({len(scores) - 1},)", *of_problem]
    assert margin.differences == of_problem
    assert margin.changed[0].startswith("torch 1.0, here ")
    assert re.fullmatch(r"other code in \d+ modules", margin.changed[1])
    assert loss.changed == []
    (line,) = failed.differences
    assert line.startswith("it ended with error: InputError: ")
    assert np.isnan(failed.cost)


def test_cells_are_drawn_among_those_that_this_process_can_run(run):
    changed_cell(run, "loss", name="somebodys-own")
    changed_cell(run, "el2n", status="error", error="no", cost=None)
    pairs, left_out = drawn([run], 10)
    assert sorted(cell.method for _, cell in pairs) == ["margin", "random"]
    (line,) = left_out
    assert line == "loss is not drawn: this process knows no method somebodys-own; --plugin FILE loads a plug-in's"
    assert len(drawn([run], 1)[0]) == 1
    assert len({cell.method for _ in range(30) for _, cell in drawn([run], 1)[0]}) == 2
