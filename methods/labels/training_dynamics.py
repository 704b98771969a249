"""Training dynamics: how the model's view of each label went while it was trained."""

from typing import Literal

import numpy as np

from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method


@method(family="training dynamics", paper="Pleiss et al. 2020, section 3 (area under the margin)", uses={"dynamics"})
def aum(problem: Problem) -> Scores:
    """Minus the mean over epochs of the margin: the given label's logit minus the largest other.

    When: the training can be recorded: nothing is cheaper, and in the quick suite it is tied with the best.

    Args:
        problem: with training dynamics; the paper stops before the first drop of the learning rate.

    Cost (free): nothing beyond the training.
    """
    scores: Scores = -problem.recorded.margin.mean(0)
    return scores


@method(family="training dynamics", paper="Toneva et al. 2019, definition 2 (forgetting events)", uses={"dynamics"})
def forgetting(problem: Problem) -> Scores:
    """How often a row that was right in one epoch is wrong in the next; one that is never right counts every epoch.

    When: the training is long and recorded, and rows that are learned late or not for good are looked for. It counts in
    whole numbers, so that many rows tie: for wrong labels take `aum` or `cartography`.

    Args:
        problem: with training dynamics.

    Cost (free): nothing beyond the training.
    """
    correct = problem.recorded.margin > 0
    events = (correct[:-1] & ~correct[1:]).sum(0)
    return np.where(correct.any(0), events, len(correct)).astype(np.float64)


@method(family="training dynamics", paper="Swayamdipta et al. 2020, section 2 (data maps)", uses={"dynamics"})
def cartography(problem: Problem, score: Literal["confidence", "variability"] = "confidence") -> Scores:
    """One minus the mean over epochs of p_y, the probability of the given label; or the deviation of p_y.

    When: the training can be recorded: nothing is cheaper, and it is the best row of the quick suite.

    Args:
        problem: with training dynamics.
        score: `confidence`, low for what is hard to learn, or `variability`, high for what is ambiguous: a wrong label
            is that only where the model learns it in the end.

    Cost (free): nothing beyond the training.
    """
    p = problem.recorded.probability
    scores: Scores = 1 - p.mean(0) if score == "confidence" else p.std(0)
    return scores
