"""The plan: closed forms where they agree with autograd, a fallback with its reason where there is none."""

import warnings
from dataclasses import replace

import pytest
import torch
from modules import OverwritesItsInput
from networks import CLASSES, FALLBACKS, mlp, naive, problem_of
from reductions import check_every_reduction
from torch import nn

import influence_bench as ib
from influence_bench.bench.instruments import memory
from influence_bench.methods.gradients import capture
from influence_bench.methods.gradients.forms import algebra
from influence_bench.methods.gradients.space import gradient_space


@pytest.mark.parametrize("kind", FALLBACKS)
def test_what_has_no_closed_form_falls_back_and_says_why(kind):
    build, shape, reason = FALLBACKS[kind]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ib.FunctionalFallback)
        check_every_reduction(problem_of(build, shape), "all", rtol=1e-9)
    assert any("by torch.func, since" in str(w.message) and reason in str(w.message) for w in caught)


@pytest.mark.filterwarnings("ignore::influence_bench.FunctionalFallback")
def test_only_the_parameters_without_a_closed_form_fall_back():
    build, shape, _ = FALLBACKS["parametric activation"]
    assert list(gradient_space(problem_of(build, shape), "all").plan.reasons) == ["1.weight"]


@pytest.mark.filterwarnings("ignore::influence_bench.FunctionalFallback")
def test_a_fallback_in_small_pieces_gives_the_same(monkeypatch):
    monkeypatch.setattr(capture, "FALLBACK_NUMBERS", 60)
    check_every_reduction(problem_of(*FALLBACKS["recurrent"][:2]), "all", rtol=1e-9)


@pytest.mark.parametrize("budget", [2 * 2**30, 30_000])  # the check runs in float64, or in the model's own precision
def test_a_closed_form_that_disagrees_with_autograd_is_not_used(budget, monkeypatch):
    def wrong(samples, delta, *args):
        return algebra.linear(samples, 1.1 * delta, *args)

    monkeypatch.setitem(algebra.ALGEBRA, nn.functional.linear, wrong)
    with pytest.warns(ib.FunctionalFallback, match="does not agree with autograd"):
        check_every_reduction(problem_of(mlp, (4,), memory_budget=budget), "all", rtol=1e-9)


def test_a_model_that_autograd_cannot_differentiate_is_refused():
    with pytest.raises(ib.InputError, match="autograd cannot differentiate this model"):
        gradient_space(problem_of(OverwritesItsInput, (2, 6, 6)), "all").train.squared_l2()


@pytest.mark.parametrize(("budget", "bytes_per_parameter"), [(2 * 2**30, 20), (2**28, 8)])
def test_planning_takes_little_memory_and_less_under_a_tight_budget(budget, bytes_per_parameter):
    width = 4000
    model = nn.Sequential(
        nn.Linear(256, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, CLASSES)
    )
    train = torch.randn(8, 256), torch.randint(CLASSES, (8,))
    space = gradient_space(ib.Problem(model, train, batch_size=4, memory_budget=budget), "all")
    model(train[0][:2]).sum().backward()  # allocates what the first backward pass of a process needs
    model.zero_grad(set_to_none=True)
    memory.settle()
    before = memory.resident_bytes()
    memory.reset_peak()
    assert not space.plan.reasons
    assert memory.peak_bytes() - before < bytes_per_parameter * space.size


class Routed(nn.Module):
    """A mixture of two layers, each of which gets the rows whose first feature has its sign."""

    def __init__(self):
        super().__init__()
        self.left, self.right, self.fc = nn.Linear(4, 6), nn.Linear(4, 6), nn.Linear(6, CLASSES)

    def forward(self, x):
        left = x[:, 0] < 0
        hidden = x.new_zeros(len(x), 6)
        if left.any():
            hidden = hidden.index_put((left.nonzero()[:, 0],), self.left(x[left]))
        if not left.all():
            hidden = hidden.index_put(((~left).nonzero()[:, 0],), self.right(x[~left]))
        return self.fc(torch.tanh(hidden))


class Branching(nn.Module):
    """A model that takes another layer for a batch of large numbers."""

    def __init__(self):
        super().__init__()
        self.small, self.large = nn.Linear(4, CLASSES), nn.Linear(4, CLASSES)

    def forward(self, x):
        return self.small(x) if x.abs().max() < 10 else self.large(x)


@pytest.mark.parametrize("model", [Routed, Branching])
@pytest.mark.filterwarnings("ignore::influence_bench.FunctionalFallback")
def test_models_that_call_other_functions_for_other_rows_get_the_gradients_of_each_row(model):
    problem = problem_of(model, (4,), batch_size=4)
    problem.train.x[16] *= 100
    expected = naive(problem, problem.train, [name for name, _ in problem.model.named_parameters()])
    ours = gradient_space(problem, "all").train.squared_l2()
    torch.testing.assert_close(ours, expected.square().sum(1), rtol=1e-9, atol=1e-12)


class PositionsFirst(nn.Module):
    """A linear layer on all positions of all rows, which alternate; where rows are alike, nobody can tell."""

    def __init__(self):
        super().__init__()
        self.fc, self.head = nn.Linear(4, 6), nn.Linear(6, CLASSES)

    def forward(self, x):
        hidden = torch.tanh(self.fc(x.transpose(0, 1).reshape(-1, 4))).reshape(3, len(x), 6)
        return self.head((hidden * torch.arange(1, 4)[:, None, None]).sum(0))


@pytest.mark.parametrize("blank", [2, 22, 23])
def test_blank_rows_are_no_probes(blank):
    problem = problem_of(PositionsFirst, (3, 4))
    problem.train.x[:blank] = 0
    ours = gradient_space(problem, "all").train.squared_l2()
    other = gradient_space(replace(problem, train=problem_of(PositionsFirst, (3, 4)).train), "all")
    expected = naive(problem, problem.train, list(other.parameters))
    torch.testing.assert_close(ours, expected.square().sum(1), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(
        other.train.squared_l2()[blank:], expected[blank:].square().sum(1), rtol=1e-9, atol=1e-12
    )
