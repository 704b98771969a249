"""The implicit forms of gradients: rules for every use of a parameter, and the cheaper of two ways to compute."""

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import CLOSED, images, mlp, problem_of
from reductions import check_every_reduction
from torch import nn

from influence_bench.methods.gradients.capture import capture
from influence_bench.methods.gradients.forms import algebra, arithmetic
from influence_bench.methods.gradients.forms.convolution import Convolved
from influence_bench.methods.gradients.forms.outer import Outer
from influence_bench.methods.gradients.space import gradient_space

pytestmark = pytest.mark.filterwarnings("error::influence_bench.FunctionalFallback")


def test_every_rule_is_used_by_a_network_that_is_compared_with_autograd(monkeypatch):
    used = Counter()

    def counted(rule):
        return lambda *args, **kwargs: (used.update([rule.__name__]), rule(*args, **kwargs))[1]

    rules = dict(algebra.ALGEBRA)
    for function, rule in rules.items():
        monkeypatch.setitem(algebra.ALGEBRA, function, counted(rule))
    for build, shape in CLOSED.values():
        gradient_space(problem_of(build, shape), "*").train.squared_l2()
    assert {rule.__name__ for rule in rules.values()} == used.keys()


@settings(max_examples=60, deadline=None)
@given(
    channels=st.integers(1, 3), out=st.integers(1, 3), groups=st.integers(1, 2),
    kernel=st.tuples(*[st.integers(1, 3)] * 2),
    stride=st.tuples(*[st.integers(1, 3)] * 2), padding=st.tuples(*[st.integers(0, 2)] * 2),
    dilation=st.tuples(*[st.integers(1, 2)] * 2), bias=st.booleans(),
)  # fmt: skip
def test_any_convolution_equals_autograd(channels, out, groups, kernel, stride, padding, dilation, bias):
    def build():
        conv = nn.Conv2d(channels * groups, out * groups, kernel, stride, padding, dilation, groups, bias)
        return images(conv)

    check_every_reduction(problem_of(build, (channels * groups, 7, 8)), "0", rtol=1e-9)


@pytest.fixture
def formed(monkeypatch):
    """A function that lists, from its call on, the shapes of the gradients of a kind that are formed."""

    def listed(kind):
        shapes, form = [], kind.formed
        monkeypatch.setattr(kind, "formed", lambda self: shapes.append(self.shape) or form(self))
        return shapes

    return listed


@pytest.mark.parametrize(
    ("network", "layer", "kind", "forms"),
    [
        ("few positions, wide", "up", Outer, False),
        ("many positions, narrow", "up", Outer, True),
        ("conv2d, wide", "1", Convolved, False),
        ("conv2d, wide, kernel not square", "1", Convolved, False),
        ("conv2d, wide and strided", "1", Convolved, False),
        ("conv2d, strided and dilated", "0", Convolved, True),
    ],
)
def test_norms_form_gradients_only_where_that_costs_less(formed, monkeypatch, network, layer, kind, forms):
    space = gradient_space(problem_of(*CLOSED[network]), layer)
    assert not space.plan.reasons  # planning compares each closed form with autograd, and may form gradients
    shapes = formed(kind)
    ours = space.train.squared_l2()
    assert bool(shapes) == forms
    shapes.clear()
    monkeypatch.setattr(arithmetic, "WRITING", 1e9 if forms else -1e9)  # as if the other way cost less
    torch.testing.assert_close(space.train.squared_l2(), ours)
    assert bool(shapes) != forms


def test_norms_of_rank_one_gradients_form_no_gradient(formed):
    space = gradient_space(problem_of(mlp, (4,)), "all")
    direction = space.valid.mean()
    shapes = formed(Outer)
    space.train.squared_l2(), space.train.l1(), space.train.largest(), space.train.inner(direction)
    space.train.coordinates(torch.arange(5)), space.train.cross(space.valid)
    assert not shapes


def test_a_slice_of_any_gradient_is_the_gradient_of_these_rows():
    problem = problem_of(*CLOSED["called twice"])
    space, gradients = gradient_space(problem, "all"), {}

    def take(rows, name, gradient):
        gradients[name] = gradient

    _, batch = next(iter(space.batches(problem.train)))
    with problem.at(space.state) as model:
        capture(model, space.state, space.plan, batch, problem.losses, take)
    assert gradients.keys() == space.parameters.keys()
    for gradient in gradients.values():
        assert torch.equal(gradient[1:3].formed(), gradient.formed()[1:3])
