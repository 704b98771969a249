"""Reductions of the gradient stream compared with plain autograd, one sample at a time, in float64."""

import pytest
import torch
from networks import CLOSED, mlp, problem_of
from reductions import check_every_reduction
from torch import nn

import influence_bench as ib
from influence_bench.methods.gradients.reduction import WeightedSum, inner, squared_l2
from influence_bench.methods.gradients.space import gradient_space

pytestmark = pytest.mark.filterwarnings("error::influence_bench.FunctionalFallback")


@pytest.mark.parametrize("layers", ["all", "last"])
@pytest.mark.parametrize("kind", CLOSED)
def test_reductions_equal_autograd_in_float64(kind, layers):
    check_every_reduction(problem_of(*CLOSED[kind]), layers, rtol=1e-9)


@pytest.mark.parametrize("kind", CLOSED)
def test_reductions_are_close_in_float32(kind):
    check_every_reduction(problem_of(*CLOSED[kind], dtype=torch.float32), "all", rtol=1e-4)


def test_several_reductions_share_one_pass_and_give_the_same_bits():
    problem = problem_of(mlp, (4,))
    space = gradient_space(problem, "all")
    v, weights = space.valid.mean(), torch.rand(23)
    separate = space.train.squared_l2_by_layer(), space.train.inner_by_layer(v), space.train.weighted_sum(weights)
    batches = []
    hook = problem.model[0].register_forward_hook(lambda *_: batches.append(1))
    together = space.train.reduce(squared_l2(), inner(v), WeightedSum(weights))
    hook.remove()
    assert len(batches) == 5
    assert all(torch.equal(first, second) for first, second in zip(separate[:2], together[:2], strict=True))
    assert all(torch.equal(separate[2][name], together[2][name]) for name in v)


def test_a_users_own_loss_with_a_mean_reduction_is_computed_per_sample():
    own = problem_of(mlp, (4,), loss=nn.CrossEntropyLoss(label_smoothing=0.1))
    check_every_reduction(own, "all", rtol=1e-9)


def encoder_with(rows):
    """The encoder with a memory budget of what that many rows take."""
    bytes_per_row = gradient_space(problem_of(*CLOSED["encoder"]), "all").plan.bytes_per_row
    return problem_of(*CLOSED["encoder"], memory_budget=int(bytes_per_row * rows))


def test_a_tight_memory_budget_changes_the_batch_size_and_nothing_else():
    tight, generous = encoder_with(rows=4.5), problem_of(*CLOSED["encoder"])
    sizes = [len(batch) for _, batch in gradient_space(tight, "all").batches(tight.train)]
    assert max(sizes) == 2
    ours, theirs = (gradient_space(p, "all").train.squared_l2() for p in (tight, generous))
    torch.testing.assert_close(ours, theirs)


def test_what_cannot_keep_to_the_memory_budget_is_refused_with_its_size():
    with pytest.raises(ib.InputError, match=r"one row would take .* fewer rows or layers"):
        gradient_space(encoder_with(rows=0.9), "all").train.squared_l2()
    with pytest.raises(ib.InputError, match=r"the gradients \(n, p\) would take"):
        gradient_space(problem_of(*CLOSED["mlp"], memory_budget=5_000), "all").train.matrix()


def test_modes_hooks_and_settings_are_restored_even_after_an_error():
    def breaks(outputs, labels):
        raise KeyError

    problem = problem_of(*CLOSED["encoder"])
    problem.model.train()
    space = gradient_space(problem, "all")
    with pytest.raises(KeyError):
        next(space.train.flat(breaks))
    assert all(module.training for module in problem.model.modules())
    assert torch.backends.mha.get_fastpath_enabled()
    assert not any(module._forward_hooks for module in problem.model.modules())
