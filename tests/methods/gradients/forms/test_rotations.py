"""Rotations and second moments of factors: the same numbers, whichever way costs less."""

import pytest
import torch
from networks import CLOSED, problem_of

from influence_bench.methods.gradients.forms import arithmetic
from influence_bench.methods.gradients.forms.arithmetic import second_moments
from influence_bench.methods.gradients.forms.gradient import Rotated
from influence_bench.methods.gradients.space import gradient_space
from influence_bench.methods.influence.fisher import fisher


@pytest.mark.parametrize("width", [0, 1, 95, 96, 97, 192, 601])
def test_second_moments_are_the_product_with_the_transpose(width):
    rows = torch.randn(50, width, dtype=torch.float64)
    moments = second_moments(rows)
    torch.testing.assert_close(moments, rows.T @ rows, rtol=1e-12, atol=1e-12)


@pytest.fixture
def rotations(monkeypatch):
    """The rotations of formed gradients, from the call on."""
    made, form = [], Rotated.formed
    monkeypatch.setattr(Rotated, "formed", lambda self: made.append(self.shape) or form(self))
    return made


@pytest.mark.parametrize(
    ("network", "layer", "forms"),
    [
        ("conv2d, same", "0", True),  # 36 positions of 2 × 9 inputs
        ("conv2d, wide", "1", False),
        ("many positions, narrow", "up", True),
        ("few positions, wide", "up", False),
        ("called twice", "conv", True),
    ],
)
def test_gradients_are_formed_before_they_are_rotated_only_where_that_costs_less(
    rotations, monkeypatch, network, layer, forms
):
    def quadratic():
        problem = problem_of(*CLOSED[network])
        space = gradient_space(problem, [layer])
        return fisher(problem, [space], "ekfac", "given").inverse(0.1).quadratic(space.train)

    ours = quadratic()
    assert bool(rotations) == forms
    rotations.clear()
    monkeypatch.setattr(arithmetic, "WRITING", 1e9 if forms else -1e9)  # as if the other way cost less
    torch.testing.assert_close(quadratic(), ours, rtol=1e-9, atol=0)
    assert bool(rotations) != forms
