"""Data-OOB: the out-of-bag estimate of a random forest, row by row."""

import numpy as np

from ...bench.errors import InputError
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..features import features


@method(family="data valuation", paper="Kwon & Zou 2023, eq. 2 (Data-OOB)", classes=True)
def data_oob(problem: Problem, trees: int = 100) -> Scores:
    """The share of wrong predictions for a row by the trees that were not fitted on it.

    The trees are those of scikit-learn's random forest on the last layer's inputs, each fitted on a bootstrap sample.

    When: you have no trusted rows but good features: it needs neither validation rows nor gradients.

    Args:
        problem: a classifier.
        trees: number of trees in the forest; the paper uses 800.

    Cost (fits): one forward pass and the forest's O(trees n √d log n).

    Raises:
        InputError: if trees is below 1, or so small that every tree was fitted on some row.
    """
    from sklearn.tree import DecisionTreeClassifier

    order = problem.sampling_order()
    x, y = features(problem, problem.train)[order].float().numpy(), problem.train.y.cpu()[order].numpy()
    if trees < 1:
        raise InputError(f"trees={trees} does not fit: it must be at least 1")
    wrong, judged = np.zeros(len(y)), np.zeros(len(y))
    # The forest's trees one after another, with its seeds: all of them at once may be far larger than the rows.
    seeds = np.random.RandomState(problem.seed).randint(np.iinfo(np.int32).max, size=trees)
    for seed in seeds.tolist():
        times = np.bincount(np.random.RandomState(seed).randint(0, len(y), len(y)), minlength=len(y))
        rows = np.flatnonzero(times == 0)
        if not len(rows):
            continue
        tree = DecisionTreeClassifier(max_features="sqrt", random_state=seed).fit(x, y, sample_weight=times)
        wrong[rows] += tree.predict(x[rows]) != y[rows]
        judged[rows] += 1
    if not judged.all():
        raise InputError(f"{int((judged == 0).sum())} rows are in the sample of every tree: raise trees={trees}")
    scores = np.empty(len(y))
    scores[order.numpy()] = wrong / judged
    return scores
