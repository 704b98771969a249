"""Leave-one-out: the change of the utility on the validation rows when a row is left out."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ...bench.errors import InputError
from ...bench.problem.problem import Problem, Scores
from ...bench.progress import bar
from ...bench.registry.method import method
from .least_squares import Game, Utility, worth

MOST_TRAININGS = 2000


@method(
    family="data valuation",
    paper="Cook 1977; Ghorbani & Zou 2019, section 2 (leave-one-out)",
    uses={"validation", "retraining"},
    unless={"retraining": {"retrain": 0}},
    classes=True,
)
def leave_one_out(problem: Problem, utility: Utility = "squared-error", retrain: int = 0, first: int = 0) -> Scores:
    """U(all but i) - U(all): what the utility gains when row i is left out.

    Without retraining, the utility is that of a least-squares classifier on the last layer's inputs
    (`methods/valuation/least_squares.py`), where the n fits without a row follow from the fit on all rows. With
    retraining, it is the mean over `retrain` new trainings of the problem's own model; another seed changes it about as
    much as a row does.

    When: you want the simplest counterfactual as a baseline. Among many rows a single one changes little, and in the
    quick suite this is the worst of the data values at ranking wrong labels.

    Args:
        problem: a classifier with validation rows, m of them, and for retraining a trainer.
        utility: minus the squared error of the probabilities, or the accuracy, on the validation rows.
        retrain: number of models to train without each row, each from another seed; 0 for the least-squares classifier.
        first: what is added to the seeds of these models. Scores with `first=0` and with `first=retrain` share no
            training: their correlation shows how reliable they are.

    Cost (forward): two forward passes and O(n (d² + m d + m C)); with retraining, n + 1 trainings for each seed.

    Raises:
        InputError: if the retraining takes more than 2,000 trainings.
    """
    if not retrain:
        game = Game.of(problem, utility)
        return (game.without_each() - game.of_all).numpy()
    n, order = len(problem.train), problem.sampling_order()
    if not 0 < retrain * (n + 1) <= MOST_TRAININGS:
        trainings = f"{retrain * (n + 1):,} trainings, which is not from 1 to {MOST_TRAININGS:,}"
        raise InputError(
            f"leave-one-out with retrain={retrain} of {n:,} rows takes {trainings}: take fewer rows, or retrain=0"
        )
    utilities = torch.zeros(n + 1, dtype=torch.float64)
    with bar("training without a row", retrain * (n + 1)) as advance:
        for left_out in range(n + 1):
            for number in range(first, first + retrain):
                trained = problem.retrained(order[order != left_out], problem.seed + number)
                utilities[left_out] += _utility(trained, utility) / retrain
                advance(1)
    scores: Scores = (utilities[:n] - utilities[n]).numpy()
    return scores


def _utility(trained: Problem, utility: Utility) -> Tensor:
    """The utility of a trained model's probabilities on the validation rows."""
    p = replace(trained, train=trained.validation, dynamics=None).probabilities().cpu()
    return worth(p, F.one_hot(trained.validation.y.cpu(), p.shape[1]).double(), utility)
