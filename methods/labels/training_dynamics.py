"""Scores from training dynamics: how the model's view of each label changed during its training."""

from typing import Literal

import numpy as np

from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method


@method(family="training dynamics", paper="Pleiss et al. 2020, section 3 (area under the margin)", uses={"dynamics"})
def aum(problem: Problem) -> Scores:
    """Minus the mean over epochs of the margin, the given label's logit minus the largest other logit.

    When: you can record the training: nothing is cheaper, and no row of the quick suite is shown to surpass it.

    Args:
        problem: with training dynamics; the paper uses the epochs before the first drop of the learning rate.

    Cost (free): nothing beyond the training.
    """
    scores: Scores = -problem.recorded.margin.mean(0)
    return scores


@method(family="training dynamics", paper="Toneva et al. 2019, definition 2 (forgetting events)", uses={"dynamics"})
def forgetting(problem: Problem) -> Scores:
    """How often a row is classified right in one epoch and wrong in the next; the number of epochs if never right.

    When: the training is long and recorded, and you look for rows that are learned late or forgotten again. Scores are
    whole numbers, so many rows tie: for wrong labels take `aum` or `cartography`.

    Args:
        problem: with training dynamics.

    Cost (free): nothing beyond the training.
    """
    correct = problem.recorded.margin > 0
    events = (correct[:-1] & ~correct[1:]).sum(0)
    return np.where(correct.any(0), events, len(correct)).astype(np.float64)


@method(family="training dynamics", paper="Swayamdipta et al. 2020, section 2 (data maps)", uses={"dynamics"})
def cartography(problem: Problem, score: Literal["confidence", "variability"] = "confidence") -> Scores:
    """1 minus the mean over epochs of p_y, the probability of the given label; or the standard deviation of p_y.

    When: you can record the training: nothing is cheaper, and it has the highest mean of the quick suite.

    Args:
        problem: with training dynamics.
        score: `confidence`, 1 minus the mean, high for rows that are hard to learn; or `variability`, the standard
            deviation, high for ambiguous rows. A wrong label is ambiguous only if the model learns it in the end.

    Cost (free): nothing beyond the training.
    """
    p = problem.recorded.probability
    scores: Scores = 1 - p.mean(0) if score == "confidence" else p.std(0)
    return scores
