"""Conjugate gradients compared with exact influence."""

import numpy as np
import pytest
import torch
from oracle import LAST, close
from scipy.stats import spearmanr

import influence_bench as ib


@pytest.mark.parametrize("against", ["validation", "classes", "training"])
def test_conjugate_gradients_solve_for_exact_influence(last, against):
    oracle, g, dense, rtol = last
    ihvps = torch.linalg.solve(dense + 0.01 * torch.eye(LAST), oracle.queries(against)[-LAST:])
    expected = -(g @ ihvps).amin(1)
    close(ib.score("influence-cg", oracle.problem, tolerance=rtol / 100, against=against), expected, rtol)
    close(ib.score("influence-exact", oracle.problem, against=against), expected, rtol)
    assert spearmanr(ib.score("influence-cg", oracle.problem, against=against), expected).statistic > 0.999


def test_conjugate_gradients_stop_and_warn_if_the_curvature_is_negative(small):
    problem, _, dense = small
    assert torch.linalg.eigvalsh(dense).min() < 0
    with pytest.warns(ib.NotConverged, match=r"relative residual .* the curvature is negative .* raise damping"):
        scores = ib.score("influence-cg", problem, damping=0.0, layers="all")
    assert np.isfinite(scores).all()
    with pytest.warns(ib.NotConverged, match="after 2 steps; raise steps"):
        ib.score("influence-cg", problem, steps=2)


def test_all_solvers_agree_on_the_gauss_newton_matrix_which_is_never_negative(small):
    problem, _, _ = small
    more = {"curvature": "ggn", "layers": "all"}
    exact = ib.score("influence-exact", problem, **more)
    close(ib.score("influence-cg", problem, tolerance=1e-9, **more), exact)
    close(ib.score("arnoldi", problem, steps=100, rank=100, **more), exact)
    more["damping"] = 1.0
    exact = ib.score("influence-exact", problem, **more)
    close(ib.score("lissa", problem, steps=50, samples_per_step=300, **more), exact)
