"""Label quality out of sample and by neighbours, against the definitions and cleanlab."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cleanlab.rank import get_label_quality_scores
from scipy.stats import spearmanr
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


@pytest.mark.parametrize(
    ("name", "quality"),
    [
        ("self-confidence", "self_confidence"),
        ("margin", "normalized_margin"),
        ("confidence-weighted-entropy", "confidence_weighted_entropy"),
    ],
)
def test_scores_in_sample_rank_as_cleanlabs_do_with_given_or_predicted_labels(name, quality):
    problem, _ = planted()
    p = problem.probabilities().numpy()
    for labels, y in (("given", problem.train.y.numpy()), ("predicted", p.argmax(1))):
        theirs = get_label_quality_scores(y, p, method=quality, adjust_pred_probs=False)
        assert spearmanr(ib.score(name, problem, labels=labels), theirs).statistic < -1 + 1e-9


def test_a_label_that_the_model_excludes_has_a_finite_entropy_ratio():
    model = nn.Linear(1, 3)
    with torch.no_grad():
        model.bias.copy_(torch.tensor([0.0, 0.0, -1e4]))
    scores = ib.score("confidence-weighted-entropy", ib.Problem(model, (torch.zeros(2, 1), torch.tensor([0, 2]))))
    assert scores[0] == pytest.approx(2 * np.log(2))
    assert scores[1] == pytest.approx(1e6 * np.log(2))


def test_out_of_sample_probabilities_are_the_same_after_a_permutation(cross_validated):
    problem, p, _ = cross_validated
    order = np.random.default_rng(1).permutation(len(problem.train))
    assert np.array_equal(out_of_sample(problem.on(order), 5), p[order])


def test_a_class_of_one_row_and_a_class_without_rows_are_no_obstacle():
    problem, _ = planted()
    y = torch.zeros(60).long()
    y[7] = 1
    scores = {name: ib.score(name, replace(problem.on(slice(60)), train=(problem.train.x[:60], y))) for name in NAMES}
    assert all(np.isfinite(values).all() for values in scores.values())
    assert scores["cleanlab"].argmax() == 7  # no model that judges it has seen its label


NAMES = ["confident-learning", "cleanlab", "knn-vote"]


@pytest.mark.parametrize("name", NAMES[:2])
def test_without_a_trainer_or_cleanlab_there_is_one_clear_line(name, monkeypatch):
    problem, _ = planted()
    with pytest.raises(ib.InputError, match="needs a trainer: take the problem from prepare, or give trainer="):
        ib.score(name, replace(problem, trainer=None))
    with pytest.raises(ib.InputError, match="folds=301 does not fit 300 training rows: it must be from 2 to 300"):
        ib.score(name, problem, folds=301)
    monkeypatch.setattr(fingerprint, "installed", lambda package: None)
    with pytest.raises(ib.InputError, match=f"{name} needs cleanlab, which is not installed: pip install cleanlab"):
        ib.score(name, problem)


def vote(x, y, k):
    """Written out for one row after the other; rows as far as the last of the k share what places are left."""
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    shares = []
    for row in range(len(x)):
        similarity = np.delete((x @ x[row]).round(12), row)
        other = np.delete(y != y[row], row)
        last = np.sort(similarity)[-k]
        nearer, level = similarity > last, similarity == last
        shares.append((other[nearer].sum() + (k - nearer.sum()) * other[level].mean()) / k)
    return np.array(shares)


@pytest.mark.parametrize("k", [1, 5, 10])
def test_knn_vote_is_the_share_of_neighbours_with_another_label(k):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 3)), rng.integers(0, 3, 50)
    problem = ib.Problem(nn.Linear(3, 3).double(), (x, y))
    np.testing.assert_allclose(ib.score("knn-vote", problem, k=k), vote(x, y, k), atol=1e-12)
    little = replace(problem, memory_budget=2**13)  # a few rows of the similarities at a time
    np.testing.assert_allclose(ib.score("knn-vote", little, k=k), vote(x, y, k), atol=1e-12)


def test_rows_that_are_equally_near_share_the_vote_so_that_equal_rows_score_the_same():
    x = np.array([[1, 0]] * 4 + [[0, 1]] * 3, dtype=float)
    y = np.array([0, 0, 0, 1, 1, 1, 0])
    scores = ib.score("knn-vote", ib.Problem(nn.Linear(2, 2).double(), (x, y)), k=2)
    np.testing.assert_allclose(scores, [1 / 3, 1 / 3, 1 / 3, 1, 1 / 2, 1 / 2, 1])


def test_knn_vote_needs_more_rows_than_neighbours():
    problem = ib.Problem(nn.Linear(2, 2), (torch.randn(10, 2), torch.arange(10) % 2))
    with pytest.raises(ib.InputError, match="k=10 does not fit 10 training rows: it must be from 1 to 9"):
        ib.score("knn-vote", problem)


class Sequence(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 3)

    def forward(self, x):
        return self.fc(x[:, None, :].expand(-1, 4, -1)).mean(1)


def test_features_that_are_no_vectors_are_refused():
    with pytest.raises(ib.InputError, match=r"needs last-layer inputs \(n, d\); here they are \(20, 4, 2\)"):
        ib.score("knn-vote", ib.Problem(Sequence(), (torch.ones(20, 2), torch.arange(20) % 3)))
