"""Label quality by cleanlab, from out-of-sample probabilities: each row's come from a model not trained on it."""

from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ...bench.errors import InputError
from ...bench.problem.problem import Problem, Scores
from ...bench.progress import bar
from ...bench.registry.method import method

Quality = Literal["self_confidence", "normalized_margin", "confidence_weighted_entropy"]


@method(
    family="label quality",
    paper="Northcutt et al. 2021, section 3 (confident learning)",
    uses={"retraining"},
    package="cleanlab",
)
def confident_learning(problem: Problem, folds: int = 5) -> Scores:
    """Rows off the diagonal of the confident joint first, then the others; both by 1 - normalized margin.

    The threshold of class j is the mean out-of-sample probability of j over the rows labelled j. A row counts for the
    likeliest class among those whose probability reaches their threshold. If that is not the given label, the row is
    off the diagonal, and its label is taken to be wrong. Computed by cleanlab's filter `confident_learning`.

    When: you want a set of wrong labels and not only a ranking. The new models have not seen the labels they judge.

    Args:
        problem: a classifier with a trainer.
        folds: number of folds of the cross-validation, each with its share of every class.

    Cost (trainings): `folds` trainings on (folds - 1)/folds of the rows.

    Raises:
        InputError: if folds is below 2 or above the number of rows.
    """
    from cleanlab import filter, rank

    y, p = problem.train.y.cpu().numpy(), out_of_sample(problem, folds)
    wrong = filter.find_label_issues(y, p, filter_by="confident_learning", n_jobs=1)
    quality = rank.get_label_quality_scores(y, p, method="normalized_margin")
    return np.asarray(wrong + 1 - quality, dtype=np.float64)


@method(
    family="label quality",
    paper="Kuan & Mueller 2022, section 3 (label quality scores)",
    uses={"retraining"},
    package="cleanlab",
)
def cleanlab(problem: Problem, quality: Quality = "self_confidence", folds: int = 5) -> Scores:
    """1 - cleanlab's label quality, from out-of-sample probabilities p.

    When: the model has fitted wrong labels as well as right ones, so that its own outputs cannot separate them, and you
    can afford a few trainings.

    Args:
        problem: a classifier with a trainer.
        quality: `self_confidence` p_y, `normalized_margin` (p_y - max_{k≠y} p_k + 1)/2, or
            `confidence_weighted_entropy`, which rises with p_y and falls with the entropy.
        folds: number of folds of the cross-validation, each with its share of every class.

    Cost (trainings): `folds` trainings on (folds - 1)/folds of the rows.

    Raises:
        InputError: if folds is below 2 or above the number of rows.
    """
    from cleanlab import rank

    y, p = problem.train.y.cpu().numpy(), out_of_sample(problem, folds)
    return np.asarray(1 - rank.get_label_quality_scores(y, p, method=quality), dtype=np.float64)


def out_of_sample(problem: Problem, folds: int) -> NDArray[np.float64]:
    """Class probabilities (n, classes) of each row by a model trained on the other folds.

    Rows are dealt to the folds in turn, class by class, in the sampling order: each fold has its share of every class.

    Raises:
        InputError: if the labels are not classes, or folds is not from 2 to n.
    """
    n = len(problem.train)
    if problem.train.y.ndim != 1 or problem.train.y.is_floating_point():
        raise InputError(f"this method needs class labels (n,); here y is {tuple(problem.train.y.shape)}")
    if not 2 <= folds <= n:
        raise InputError(f"folds={folds} does not fit {n} training rows: it must be from 2 to {n}")
    order = problem.sampling_order()
    order = order[torch.argsort(problem.train.y.cpu()[order], stable=True)]
    turn = torch.arange(n) % folds
    p: NDArray[np.float64] = np.empty(0)
    with bar("training on folds", folds) as advance:
        for fold in range(folds):
            held_out = order[turn == fold]
            trained = problem.retrained(order[turn != fold], problem.seed)
            part = replace(trained, train=problem.train[held_out], dynamics=None).probabilities().cpu().numpy()
            p = p if len(p) else np.empty((n, part.shape[1]))
            p[held_out.numpy()] = part
            advance(1)
    return p
