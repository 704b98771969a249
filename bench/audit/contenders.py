"""The ways of ranking rows that are tried on a person's data, by kind of input; the first is the quick choice."""

from dataclasses import replace

import torch

from ..errors import InputError
from ..problem.examples import Examples
from ..problem.problem import Problem
from ..registry.method import METHODS
from ..results.audit import Kind
from .evidence import Evidence, boosted_trees, in_sample, logistic_regression, network, out_of_sample, recorded
from .own_rows import OwnRows

NETWORK: dict[Kind, str] = {
    "table": "mlp",
    "arrays": "mlp",
    "texts": "mlp",
    "images": "small-resnet",
}
"""The model that a given method scores, by kind of input."""
MOST_CLASSES = 50
"""Boosting grows a tree for each class in each round, so that more classes leave too few rounds."""
OF_PROBABILITIES = ("self-confidence", "margin")
OF_TRAINING = ("el2n", "aum", "cartography", "tracin-self", "outlier-gradient")


def contenders(rows: OwnRows) -> list[Evidence]:
    """What to judge the labels of such data by, and the methods that score it."""
    if rows.p is not None:
        p = torch.tensor(rows.p)

        def given(part: Examples, classes: int, seed: int) -> Problem:
            return recorded(p[part.x].numpy(), part.y, seed)

        return [Evidence("your probabilities", given, (*OF_PROBABILITIES, "confidence-weighted-entropy"))]
    if rows.problem is not None:
        return [_own_model(rows.problem)]
    grown = Evidence("boosted trees, out of sample", out_of_sample(boosted_trees), OF_PROBABILITIES)
    trees = [grown] if len(rows.classes) <= MOST_CLASSES else []
    linear = Evidence("logistic regression, out of sample", out_of_sample(logistic_regression), OF_PROBABILITIES)
    held_out = Evidence("a small network, out of sample", out_of_sample(network("mlp")), OF_PROBABILITIES)
    fitted = Evidence("a small network, in sample", in_sample("mlp"), OF_TRAINING)
    neighbours = Evidence("the rows as they are", in_sample("logistic"), ("knn-vote",))
    residual = Evidence("a residual network, in sample", in_sample("small-resnet"), (*OF_TRAINING, "loss"))
    return {
        "table": [*trees, held_out, linear, fitted],
        "arrays": [held_out, linear, *trees, fitted, neighbours],
        "texts": [linear, held_out, fitted, neighbours],
        "images": [residual],
    }[rows.kind]


def given_method(rows: OwnRows, method: str, model: str) -> Evidence:
    """A method that is asked for, on the rows' own model, on a model that is named, or on a small network in sample.

    Raises:
        InputError: if the method or the model is unknown, the method scores pairs, or there is no model to train.
    """
    entry, given = METHODS.parse(method or "el2n")
    if entry.pairwise:
        raise InputError(f"{entry.name} scores pairs of rows and does not rank rows: take another method, such as el2n")
    if rows.problem is not None and not model:
        return replace(_own_model(rows.problem), methods=(entry.label(given),))
    if rows.p is not None:
        raise InputError("probabilities have no model to train: leave out the method and the model")
    name = model or NETWORK[rows.kind]
    return Evidence(f"{name}, in sample", in_sample(name), (entry.label(given),))


def _own_model(problem: Problem) -> Evidence:
    """A person's own model in sample, trained again by the problem's trainer where labels are planted."""
    recorded_methods = ("aum", "cartography") if problem.dynamics is not None else ()

    def make(rows: Examples, classes: int, seed: int) -> Problem:
        if rows is problem.train:
            return problem
        changed = replace(problem, train=rows, dynamics=None, groups=None, checkpoints=())
        return changed.retrained(slice(None), seed)

    return Evidence("your model, in sample", make, ("el2n", *recorded_methods, "outlier-gradient", "loss"))
