"""Label quality out of sample: probabilities of cross-validation, and cleanlab's scores of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cleanlab.rank import get_label_quality_scores
from sklearn.model_selection import StratifiedKFold
from torch import nn

import influence_bench as ib
from influence_bench.bench import fingerprint
from influence_bench.bench.catalogue.contract import planted
from influence_bench.methods.labels.confident_learning import out_of_sample


class Remembers(nn.Module):
    """Says which rows it was trained on: their label with certainty, else class 0 and 1 with 0.75 and 0.25."""

    def __init__(self, rows):
        super().__init__()
        self.known = {tuple(x.tolist()): int(y) for x, y in zip(rows.x, rows.y, strict=True)}
        self.fc = nn.Linear(2, 2)

    def forward(self, x):
        unseen = torch.tensor([0.75, 0.25]).log()
        certain = 100 * torch.eye(2)
        return torch.stack(
            [certain[self.known[key]] if (key := tuple(row.tolist())) in self.known else unseen for row in x]
        )


def memorising(n=20):
    x, y = torch.arange(2.0 * n).reshape(n, 2), torch.arange(n) % 2
    return ib.Problem(nn.Linear(2, 2), (x, y), trainer=lambda rows, seed, share: Remembers(rows))


@pytest.mark.parametrize("folds", [2, 5, 20])
def test_out_of_sample_probabilities_are_of_models_that_have_not_seen_the_row(folds):
    np.testing.assert_allclose(out_of_sample(memorising(), folds), np.tile([0.75, 0.25], (20, 1)), rtol=1e-6)


def test_folds_have_their_share_of_every_class_and_follow_the_rows():
    sizes = []

    def watched(rows, seed, share):
        sizes.append(rows.y.bincount(minlength=2).tolist())
        return Remembers(rows)

    y = torch.tensor([0] * 15 + [1] * 6)
    problem = ib.Problem(nn.Linear(2, 2), (torch.randn(21, 2), y), trainer=watched)
    out_of_sample(problem, 3)
    assert sizes == [[10, 4]] * 3
    splits = StratifiedKFold(3).split(np.zeros(21), y.numpy())
    assert sizes == [np.bincount(y.numpy()[kept]).tolist() for kept, _ in splits]


@pytest.fixture(scope="module")
def cross_validated():
    problem, is_noisy = planted()
    return problem, out_of_sample(problem, 5), is_noisy


def test_confident_learning_ranks_what_is_off_the_confident_joints_diagonal_first(cross_validated):
    problem, p, _ = cross_validated
    y = problem.train.y.numpy()
    thresholds = np.array([p[y == label, label].mean() for label in range(3)])
    confident = np.where(p >= thresholds, p, -1)
    counted = confident.max(1) >= 0
    wrong = counted & (confident.argmax(1) != y)
    others = np.where(np.eye(3)[y] == 1, -1, p).max(1)
    margin = (p[np.arange(len(y)), y] - others + 1) / 2
    assert 30 < wrong.sum() < 90
    np.testing.assert_allclose(ib.score("confident-learning", problem), wrong + 1 - margin, atol=1e-12)


def test_cleanlab_scores_equal_their_definitions(cross_validated):
    problem, p, _ = cross_validated
    y = problem.train.y.numpy()
    of_label = p[np.arange(len(y)), y]
    others = np.where(np.eye(3)[y] == 1, -1, p).max(1)
    np.testing.assert_allclose(ib.score("cleanlab", problem), 1 - of_label, atol=1e-6)
    margin = ib.score("cleanlab", problem, quality="normalized_margin")
    np.testing.assert_allclose(margin, 1 - (of_label - others + 1) / 2, atol=1e-6)
    weighted = ib.score("cleanlab", problem, quality="confidence_weighted_entropy")
    entropy = -(p * np.log(np.clip(p, 1e-12, None))).sum(1) / np.log(3)
    ratio = entropy / of_label
    np.testing.assert_array_equal(np.argsort(np.argsort(weighted)), np.argsort(np.argsort(ratio)))
    reference = get_label_quality_scores(y, p, method="confidence_weighted_entropy")
    np.testing.assert_allclose(weighted, 1 - reference, atol=1e-12)


def test_out_of_sample_probabilities_are_the_same_after_a_permutation(cross_validated):
    problem, p, _ = cross_validated
    order = np.random.default_rng(1).permutation(len(problem.train))
    assert np.array_equal(out_of_sample(problem.on(order), 5), p[order])


NAMES = ["confident-learning", "cleanlab"]


def one_row_of_class_1():
    """The first sixty planted rows, all labelled 0 but row 7."""
    problem, _ = planted()
    y = torch.zeros(60).long()
    y[7] = 1
    return replace(problem.on(slice(60)), train=(problem.train.x[:60], y))


@pytest.mark.parametrize("name", NAMES)
def test_a_class_of_one_row_and_a_class_without_rows_have_finite_scores(name):
    assert np.isfinite(ib.score(name, one_row_of_class_1())).all()


def test_the_row_of_a_class_of_one_row_is_the_most_suspect():
    assert ib.score("cleanlab", one_row_of_class_1()).argmax() == 7  # no model that judges it has seen its label


@pytest.mark.parametrize("name", NAMES)
def test_without_a_trainer_or_cleanlab_there_is_one_clear_line(name, monkeypatch):
    problem, _ = planted()
    with pytest.raises(ib.InputError, match="needs a trainer: take the problem from prepare, or give trainer="):
        ib.score(name, replace(problem, trainer=None))
    with pytest.raises(ib.InputError, match="folds=301 does not fit 300 training rows: it must be from 2 to 300"):
        ib.score(name, problem, folds=301)
    monkeypatch.setattr(fingerprint, "installed", lambda package: None)
    with pytest.raises(ib.InputError, match=f"{name} needs cleanlab, which is not installed: pip install cleanlab"):
        ib.score(name, problem)
