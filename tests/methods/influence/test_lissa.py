"""LiSSA compared with exact influence."""

import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

import influence_bench as ib


def test_lissa_comes_close_to_exact_influence(small):
    problem, _, _ = small
    exact = ib.score("influence-exact", problem, damping=0.05)
    assert spearmanr(ib.score("lissa", problem, damping=0.05, samples_per_step=300), exact).statistic > 0.999
    assert spearmanr(ib.score("lissa", problem, damping=0.05, samples_per_step=32), exact).statistic > 0.97


def test_lissa_warns_if_it_has_not_converged(small):
    with pytest.warns(ib.NotConverged, match="relative residual"):
        ib.score("lissa", small[0], damping=1e-4, steps=1)


def test_lissa_refuses_to_diverge_and_names_the_mend():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))
    x, y = torch.randn(60, 2), torch.arange(60) % 3
    with pytest.raises(ib.InputError, match=r"lissa diverges, .* raise damping=1e-05, or take curvature=ggn"):
        ib.score("lissa", ib.Problem(net, (x, y), (x, y)), damping=1e-5, samples_per_step=60, steps=5000, layers="all")
