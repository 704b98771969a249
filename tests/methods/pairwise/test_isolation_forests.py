"""Outlier gradients between rows, against forests fitted by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.ensemble import IsolationForest

import influence_bench as ib


def test_the_papers_protocol_scores_a_row_by_the_forest_of_its_class(small):
    problem, train, valid = small
    y, order = problem.train.y.numpy(), problem.sampling_order().numpy()
    scores = ib.score("pairwise-outlier-gradient-paper", replace(problem, groups=problem.train.y), layers="all")
    for kind in range(3):
        forest = IsolationForest(random_state=0).fit(train[order[y[order] == kind]])
        rows = scores[y == kind]
        assert spearmanr(rows[0], forest.score_samples(valid)).statistic > 0.99
        assert (rows == rows[0]).all()


def test_without_the_classes_the_forests_are_those_of_clusters(small):
    problem, train, _ = small
    scores = ib.score("pairwise-outlier-gradient", problem, clusters=2, layers="all")
    alike = np.unique(scores, axis=0, return_inverse=True)[1]
    directions = train / np.linalg.norm(train, axis=1, keepdims=True)
    centres = np.stack([directions[alike == cluster].mean(0) for cluster in range(2)])
    nearest = np.square(directions[:, None] - centres).sum(2).argmin(1)
    assert np.array_equal(nearest, alike)  # k-means is at rest
    with pytest.raises(ib.InputError, match="clusters=0 does not fit"):
        ib.score("pairwise-outlier-gradient", problem, clusters=0)
