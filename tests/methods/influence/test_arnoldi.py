"""Arnoldi iteration compared with the dominant eigenvectors of the dense Hessian."""

import pytest
import torch
from oracle import LAST, close
from scipy.stats import spearmanr

import influence_bench as ib


@pytest.mark.parametrize("rank", [5, LAST])
def test_arnoldi_equals_the_dominant_eigenvectors_of_the_dense_hessian(last, rank):
    oracle, g, dense, rtol = last
    values, vectors = torch.linalg.eigh(dense)
    chosen = values.abs().argsort(descending=True)[:rank]
    along, inverse = g @ vectors[:, chosen], 1 / (values[chosen] + 0.01)
    expected = -(along * inverse) @ vectors[:, chosen].T @ oracle.queries("validation")[-LAST:, 0]
    close(ib.score("arnoldi", oracle.problem, rank=rank, steps=LAST), expected, rtol)
    close(ib.score("arnoldi-self", oracle.problem, rank=rank, steps=LAST), along.square() @ inverse, rtol)


def test_few_steps_of_arnoldi_come_close_to_exact_influence(small):
    problem, _, _ = small
    for ours, exact, at_least in (("arnoldi", "influence-exact", 0.9), ("arnoldi-self", "influence-self", 0.9)):
        low_rank, all_ranks = ib.score(ours, problem, rank=5, steps=10), ib.score(exact, problem)
        assert spearmanr(low_rank, all_ranks).statistic > at_least
