"""The area under the margin with a threshold, on trainings made by hand and on planted flips."""

import numpy as np
import pytest
import torch
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted

N, CLASSES = 40, 3
AREAS = torch.linspace(-2, 5, N)


class Watched:
    """A trainer of known dynamics: the margin of a row is its input, that of a relabelled row a tenth of it."""

    def __init__(self):
        self.seeds, self.samples = [], []

    def __call__(self, rows, seed, share):
        self.seeds.append(seed)
        wrong = rows.y == CLASSES
        self.samples.append(rows.x[wrong, 0])
        margin = torch.where(wrong, rows.x[:, 0] / 10, rows.x[:, 0])
        spread = torch.tensor([[-1.0], [0.0], [1.0]])  # three epochs
        return nn.Linear(1, CLASSES + 1), ib.Dynamics(
            margin + spread, torch.zeros(3, len(rows)), -torch.ones(3, len(rows))
        )


def by_hand(trainer, y=None):
    return ib.Problem(
        nn.Linear(1, CLASSES if y is None else N),
        (AREAS[:, None], torch.arange(N) % CLASSES if y is None else y),
        trainer=trainer,
    )


@pytest.mark.parametrize("percentile", [50.0, 99.0])
def test_a_score_is_the_percentile_of_the_relabelled_rows_areas_minus_the_rows_own_over_its_trainings(percentile):
    trainer = Watched()
    scores = ib.score("aum-threshold", by_hand(trainer), percentile=percentile)
    first, second = (set(sample.tolist()) for sample in trainer.samples)
    assert (len(first), len(second), first & second) == (N // (CLASSES + 1), N // (CLASSES + 1), set())
    thresholds = [np.percentile(np.array(sorted(sample)) / 10, percentile) for sample in (first, second)]
    for area, score in zip(AREAS.tolist(), scores, strict=True):
        used = [t for t, sample in zip(thresholds, (first, second), strict=True) if area not in sample]
        assert score == pytest.approx(np.mean(used) - area, abs=1e-6)
    assert len(set(trainer.seeds)) == 2


def test_it_calls_planted_flips_wrong_and_most_others_right():
    problem, is_noisy = planted()
    scores = ib.score("aum-threshold", problem)
    assert ib.evaluate(scores, is_noisy)["roc_auc"] > 0.9
    assert (scores > 0)[is_noisy].mean() > 0.9
    assert (scores > 0)[~is_noisy].mean() < 0.1


@pytest.mark.parametrize(
    ("trainer", "y", "given", "message"),
    [
        (lambda *_: nn.Linear(1, 4), None, {}, r"a trainer that returns its dynamics: \(module, Dynamics\)"),
        (Watched(), torch.arange(N), {}, "of 0 rows does not fit"),
        (Watched(), None, {"percentile": 101.0}, "percentile=101.0"),
        (None, None, {}, "needs a trainer: take the problem from prepare"),
    ],
)
def test_a_problem_that_does_not_fit_is_refused_in_one_line(trainer, y, given, message):
    with pytest.raises(ib.InputError, match=message) as caught:
        ib.score("aum-threshold", by_hand(trainer, y), **given)
    assert "\n" not in str(caught.value)
