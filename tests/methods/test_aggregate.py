"""Rows that combine other rows: their ranks, uses, shared passes, and the syntax that names them."""

import numpy as np
import pytest
from scipy.stats import rankdata

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.bench.problem.problem import Problem
from influence_bench.bench.registry.method import METHODS, find_method
from influence_bench.methods.ranking import mean_rank, votes


@pytest.fixture(scope="module")
def problem():
    return planted()[0]


def test_mean_rank_is_bordas_count(problem):
    names = ["loss", "random", "el2n"]
    scores = [ib.score(name, problem) for name in names]
    points = sum(np.array([(row < value).sum() + (row == value).sum() / 2 for value in row]) for row in scores)
    total = ib.score("aggregate", problem, rows="+".join(names))
    assert (rankdata(total, "min") == rankdata(points, "min")).all()


def test_a_vote_counts_the_rows_with_a_sample_among_their_most_suspect():
    scores = [np.array([0.0, 1, 2, 3]), np.array([3.0, 0, 1, 2]), np.array([0.0, 1, 3, 2])]
    assert np.floor(votes(scores, 0.25) - 1e-9).tolist() == [1, 0, 1, 1]
    assert np.floor(votes(scores, 0.5) - 1e-9).tolist() == [1, 0, 2, 3]
    assert votes(scores, 0.25).argmax() == 3


def test_ties_share_their_mean_rank():
    assert mean_rank([np.array([1.0, 1, 2, 0])]).tolist() == [0.625, 0.625, 1, 0.25]


def test_rows_with_hyperparameters_are_parsed_and_written_alike():
    method, given = METHODS.parse(
        "aggregate[rows=el2n[checkpoints=all]+outlier-gradient[detector=l1,layers=all],rule=vote]"
    )
    assert given == {"rows": "el2n[checkpoints=all]+outlier-gradient[detector=l1,layers=all]", "rule": "vote"}
    assert METHODS.parse(method.label(given)) == (method, given)
    assert (
        METHODS.parse("aggregate[rule=vote,rows=loss+aggregate[rows=el2n+loss]]")[1]["rows"]
        == "loss+aggregate[rows=el2n+loss]"
    )


@pytest.mark.parametrize(
    ("rows", "uses"),
    [
        ("loss+el2n", set()),
        ("loss+el2n[checkpoints=all]", {"checkpoints"}),
        ("datainf+aggregate[rows=tracin-self]", {"validation", "checkpoints"}),
    ],
)
def test_it_uses_what_its_rows_use(rows, uses):
    assert find_method("aggregate").uses_with({"rows": rows}) == uses


def test_its_functions_include_those_of_its_rows():
    functions = find_method("aggregate").functions({"rows": "loss+tracin"})
    assert [function.__name__ for function in functions] == ["aggregate", "loss", "tracin"]


def test_its_rows_share_their_passes(problem, monkeypatch):
    passes, plain = [], Problem.batches
    monkeypatch.setattr(Problem, "batches", lambda self, *given: passes.append(1) or plain(self, *given))
    ib.score("el2n", problem), ib.score("loss", problem)
    assert len(passes) == 2
    ib.score("aggregate", problem, rows="loss+el2n+margin")
    assert len(passes) == 3


def test_an_unknown_row_is_refused_before_anything_runs(problem):
    with pytest.raises(ib.InputError, match="there is no method 'lss': did you mean loss"):
        METHODS.parse("aggregate[rows=lss+el2n]")
    with pytest.raises(ib.InputError, match="no hyperparameter of el2n 'layers'"):
        ib.score("aggregate", problem, rows="loss+el2n[layers=all]")
    with pytest.raises(ib.InputError, match="pairwise-dot scores pairs of rows, so it has no part"):
        METHODS.parse("aggregate[rows=loss+pairwise-dot]")
    with pytest.raises(ib.InputError, match="names no rows"):
        ib.score("aggregate", problem, rows="")


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_out_of_range_is_refused(problem, share):
    with pytest.raises(ib.InputError, match=rf"share={share} does not fit: it must lie between 0 and 1"):
        ib.score("aggregate", problem, share=share)
