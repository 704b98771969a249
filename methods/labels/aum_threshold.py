"""The area under the margin with its threshold: what rows score that are wrong for sure."""

from dataclasses import replace

import numpy as np
import torch

from ...bench.errors import InputError
from ...bench.problem.examples import Examples
from ...bench.problem.problem import Problem, Scores
from ...bench.progress import bar
from ...bench.registry.method import method


@method(family="training dynamics", paper="Pleiss et al. 2020 (AUM with threshold samples)", uses={"retraining"})
def aum_threshold(problem: Problem, percentile: float = 99.0) -> Scores:
    """How far a row's area under the margin lies below the threshold: above 0, its label is called wrong.

    The area is the mean over epochs of the given label's logit minus the largest other. n / (C + 1) random rows are
    labelled as of a class of their own, which is wrong for each of them; the threshold is a percentile of their areas.
    A second training takes others for that, so that every row is scored as what it is; a row that was in both has the
    mean of the two.

    When: the wrong labels are to be told from the others and not only ranked, and there are many classes (digits: 97 %
    of what it calls wrong is, and 98 % of what is wrong is called so). Of two classes a third of the rows are samples,
    and the threshold comes out far too high. Where an order of rows will do, `aum` is free.

    Args:
        problem: a classifier with a trainer that records dynamics.
        percentile: of the threshold samples' areas, from 0 to 100.

    Cost (trainings): two trainings.

    Raises:
        InputError: if there are too few rows for a threshold sample, the percentile does not fit, or the trainer keeps
            no dynamics.
    """
    n, y, order = len(problem.train), problem.train.y, problem.sampling_order()
    if y.ndim != 1 or y.is_floating_point():
        raise InputError(f"aum-threshold needs class labels (n,); here y is {tuple(y.shape)}")
    own_class = int(y.max()) + 1
    many = n // (own_class + 1)
    if many < 1 or not 0 <= percentile <= 100:
        raise InputError(
            f"percentile={percentile} of {many} rows does not fit: from 0 to 100, of more rows than classes"
        )
    drawn = order[torch.randperm(n, generator=torch.Generator().manual_seed(problem.seed))]
    scores, counted = np.zeros(n), np.zeros(n)
    with bar("training with threshold samples", 2) as advance:
        for number in range(2):
            sample = drawn[number * many : (number + 1) * many]
            labels = y.clone()
            labels[sample] = own_class
            relabelled = replace(problem, train=Examples(problem.train.x, labels))
            dynamics = relabelled.retrained(order, problem.seed + number).dynamics
            if dynamics is None:
                raise InputError("aum-threshold needs a trainer that returns its dynamics: (module, Dynamics)")
            area, rest = np.empty(n), np.ones(n, dtype=bool)
            area[order], rest[sample] = dynamics.margin.mean(0), False
            scores[rest] += np.percentile(area[sample], percentile) - area[rest]
            counted += rest
            advance(1)
    return scores / counted
