"""Inner products in forward mode: where convolutions dominate, and with the values of the closed forms."""

import pytest
import torch
from networks import problem_of
from torch import nn

from influence_bench.methods.gradients import forward_mode
from influence_bench.methods.gradients.space import gradient_space


class Opaque(torch.autograd.Function):
    """The identity, without a derivative in forward mode."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        return grad


class Hidden(nn.Module):
    def forward(self, x):
        return Opaque.apply(x)


def convolutions(*more):
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), *more, nn.Conv2d(4, 5, 3), nn.Flatten(),
        nn.Linear(5 * 16, 3),
    )  # fmt: skip


def problem(make, shape=(2, 6, 6)):
    return problem_of(make, shape)


@pytest.fixture
def carried(monkeypatch):
    """The passes that carry a derivative along."""
    passes, serve = [], forward_mode.DirectionalPass.serve
    monkeypatch.setattr(
        forward_mode.DirectionalPass, "serve", lambda self, others: passes.append(self) or serve(self, others)
    )
    return passes


def test_convolutions_take_forward_mode_and_equal_the_closed_forms(carried):
    space = gradient_space(problem(convolutions), "all")
    direction = dict(reversed(space.valid.mean().items()))
    ours = space.train.inner(direction)
    assert len(carried) == 2  # the trial and the pass
    torch.testing.assert_close(ours, space.train.inner_by_layer(direction).sum(1), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(space.train.inner(direction), ours, rtol=0, atol=0)
    assert len(carried) == 3  # what a trial has shown is known


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: nn.Sequential(nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, 3)), (4,)),
        (lambda: convolutions(Hidden()), (2, 6, 6)),
    ],
    ids=["matrix products", "no forward derivative"],
)
def test_other_models_take_the_closed_forms(carried, make, shape):
    space = gradient_space(problem(make, shape), "all")
    direction = space.valid.mean()
    ours = space.train.inner(direction)
    assert len(carried) == ("conv" in str(make()).lower())
    torch.testing.assert_close(ours, space.train.inner_by_layer(direction).sum(1), rtol=0, atol=0)


def test_a_loss_of_ones_own_and_a_head_after_convolutions():
    given = problem(convolutions)
    own = gradient_space(problem_of(convolutions, (2, 6, 6), loss=nn.functional.cross_entropy), "all")
    direction = own.valid.mean()
    torch.testing.assert_close(own.train.inner(direction), gradient_space(given, "all").train.inner(direction))
    head = gradient_space(given, "last")
    assert not forward_mode.suits(head)
