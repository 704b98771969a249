"""Pairwise influence by products of gradients, against dense definitions."""

from dataclasses import replace

import numpy as np
import pytest

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted


@pytest.mark.parametrize("memory_budget", [2**30, 2**18])
def test_inner_products_and_cosines_are_those_of_dense_gradients_whatever_the_memory_budget(small, memory_budget):
    problem, train, valid = small
    problem = replace(problem, memory_budget=memory_budget)
    np.testing.assert_allclose(ib.score("pairwise-dot", problem, layers="all"), train @ valid.T, rtol=1e-7, atol=1e-9)
    unit_train, unit_valid = (g / np.linalg.norm(g, axis=1, keepdims=True) for g in (train, valid))
    cosines = ib.score("pairwise-cosine", problem, layers="all")
    np.testing.assert_allclose(cosines, unit_train @ unit_valid.T, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["tracin", "datainf"])
def test_the_mean_over_validation_rows_is_minus_the_harm(small, name):
    problem, *_ = small
    for layers in ("last", "all"):
        pairs = ib.score(f"pairwise-{name}", problem, layers=layers)
        np.testing.assert_allclose(-pairs.mean(1), ib.score(name, problem, layers=layers), rtol=1e-6, atol=1e-9)


def test_validation_rows_are_needed():
    problem, _ = planted()
    assert ib.score("pairwise-random", problem).shape == (300, 40)
    with pytest.raises(ib.InputError, match="needs validation rows"):
        ib.score("pairwise-random", ib.Problem(problem.model, problem.train))
