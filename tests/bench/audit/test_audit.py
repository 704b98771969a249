"""An audit finds wrong labels, says how it ranked and how many there are, and joins each row to itself."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from influence_bench import InputError, Problem, from_sklearn
from influence_bench import audit as audit_of
from influence_bench.bench.audit.audit import _behind

WRONG = [3, 60, 61, 120, 133]


@pytest.fixture(scope="module")
def flowers():
    """Irises as a table, five of them with a wrong label."""
    frame = load_iris(as_frame=True).frame
    frame["target"] = np.array(["setosa", "versicolor", "virginica"])[frame["target"]]
    frame.loc[WRONG, "target"] = ["virginica", "setosa", "setosa", "setosa", "setosa"]
    return frame


@pytest.fixture(scope="module")
def audit(flowers):
    return audit_of(flowers, "target")


def test_wrong_labels_come_first(audit):
    table = audit.suspects
    assert set(table["row"][:6]) >= set(WRONG)
    assert roc_auc_score(table["row"].isin(WRONG), table["score"]) > 0.99


def test_every_row_is_there_once_with_its_own_cells(audit, flowers):
    table = audit.suspects
    assert sorted(table["row"]) == list(range(150))
    assert table["rank"].tolist() == list(range(1, 151))
    again = table.sort_values("row").reset_index(drop=True)
    pd.testing.assert_frame_equal(again[flowers.columns[:4]], flowers[flowers.columns[:4]])
    assert (again["given"] == flowers["target"]).all()
    assert (again["suggested"] != again["given"]).all()


def test_the_way_of_ranking_is_the_best_of_those_that_were_tried(audit):
    record = audit.record
    means = [np.mean(contender.auc) for contender in record.planted.contenders]
    assert means == sorted(means, reverse=True)
    assert record.method == record.planted.contenders[0].name
    assert len(means) > 5


def test_the_number_of_wrong_labels_is_near_the_truth(audit):
    record = audit.record
    assert record.wrong.low <= len(WRONG) <= record.wrong.high
    assert np.sum(record.matrix) == round(record.wrong.value)


def test_suspects_are_shown_with_reason_and_label(audit):
    record = audit.record
    first = record.suspects[0]
    assert first.rank == 1
    assert first.shown.row in WRONG
    assert f"takes {first.suggested} for" in first.reason
    assert first.shown.cells["sepal length (cm)"]


def test_a_given_method_scores_without_a_choice(flowers):
    result = audit_of(flowers, "target", method="aum", quick=True)
    record, table = result.record, result.suspects
    assert record.method == "aum on mlp, in sample"
    assert record.planted is None
    assert record.wrong is None
    assert set(table["row"][:5]) == set(WRONG)


def test_cells_of_any_type_are_shown_as_the_data_have_them(flowers):
    odd = flowers.iloc[::6].assign(big=9007199254740993, list=[[1, 2]] * 25, array=[np.arange(3)] * 25)
    first = audit_of(odd, "target", quick=True).record.suspects[0].shown
    assert (first.cells["big"], first.cells["list"], first.cells["array"]) == (
        "9007199254740993",
        "[1, 2]",
        "[0, 1, 2]",
    )


def test_the_same_seed_gives_the_same_audit(flowers):
    first, second = (audit_of(flowers, "target", quick=True, seed=1).suspects for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize(
    ("method", "message"),
    [("el2", "did you mean el2n"), ("pairwise-dot", "take another method"), ("tracin", "validation rows")],
)
def test_a_method_that_cannot_rank_these_rows_is_refused(flowers, method, message):
    with pytest.raises(InputError, match=message):
        audit_of(flowers, "target", method=method, quick=True)


def test_a_problem_is_audited_by_its_own_model(flowers):
    given = flowers.assign(target=pd.factorize(flowers["target"], sort=True)[0])
    x, y = given.drop(columns="target").to_numpy(np.float32, copy=True), given["target"].to_numpy(copy=True)
    clean = np.repeat([0, 1, 2], 50)
    fitted = LogisticRegression().fit(x, clean)
    problem = Problem(from_sklearn(fitted), train=(x, y))
    result = audit_of(problem, method="loss", quick=True)
    assert result.record.method == "loss on your model, in sample"
    assert set(result.suspects["row"][:5]) == set(WRONG)
    with pytest.raises(InputError, match="trainer"):
        audit_of(problem)


def test_probabilities_of_a_model_of_ones_own_are_audited_without_training(flowers):
    y = pd.factorize(flowers["target"], sort=True)[0]
    p = np.full((150, 3), 0.05)
    p[np.arange(150), np.repeat([0, 1, 2], 50)] = 0.9
    result = audit_of(flowers, "target", probabilities=p)
    assert result.record.kind == "probabilities"
    assert set(result.suspects["row"][:5]) == set(np.flatnonzero(y != np.repeat([0, 1, 2], 50)))


def test_the_choice_says_what_was_shown_and_no_more(audit):
    chosen = audit.record.chosen
    assert chosen.startswith("It has the highest mean in finding planted labels: ROC-AUC 0.")
    assert "] on average over 5 draws; " in chosen


def test_ways_of_ranking_that_differ_by_chance_alone_are_seldom_shown_to_be_worse():
    shown = []
    for seed in range(200):
        auc = 0.9 + 0.02 * np.random.default_rng(seed).normal(size=(8, 5))
        best, *others = sorted(auc, key=np.mean, reverse=True)
        shown.append(any(_behind(other, best, len(others)) for other in others))
    assert np.mean(shown) <= 0.05
