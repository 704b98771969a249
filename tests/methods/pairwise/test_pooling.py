"""Influence pooled over the rows of a kind, which only methods that declare `groups` get to know."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import influence_bench as ib
from influence_bench.bench.registry.method import METHODS


@pytest.mark.parametrize("name", ["dot", "cosine", "tracin", "datainf"])
def test_pooled_influence_is_the_mean_over_rows_of_a_kind(small, name):
    problem, *_ = small
    problem = replace(problem, groups=problem.train.y)
    own, pooled = (ib.score(f"pairwise-{name}", problem, pooled=pooled) for pooled in ("none", "groups"))
    for kind in range(3):
        rows = problem.train.y.numpy() == kind
        np.testing.assert_allclose(pooled[rows], np.tile(own[rows].mean(0), (rows.sum(), 1)), rtol=1e-9, atol=1e-12)


def test_the_kinds_of_rows_are_withheld_from_methods_that_do_not_declare_them(small):
    problem, *_ = small
    with_groups = replace(problem, groups=problem.train.y)
    assert "groups" in METHODS.parse("pairwise-dot[pooled=groups]")[0].uses_with({"pooled": "groups"})
    assert "groups" not in METHODS.parse("pairwise-dot")[0].uses_with({})
    assert with_groups.only(frozenset({"validation"})).groups is None
    assert torch.equal(with_groups.on(torch.tensor([5, 3])).known_groups, problem.train.y[[5, 3]])
    with pytest.raises(ib.InputError, match="needs the kinds of the training rows"):
        ib.score("pairwise-dot", problem, pooled="groups")
    with pytest.raises(ib.InputError, match="groups: 2 rows, but 300 in train"):
        replace(problem, groups=torch.zeros(2))
