"""Every reduction of the gradient engine against plain autograd, one sample at a time, in float64."""

import warnings
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import CLASSES, CLOSED, FALLBACKS, OverwritesItsInput, images, mlp, naive, problem_of
from torch import nn

import influence_bench as ib
from influence_bench.bench.instruments import memory
from influence_bench.methods.gradients.forms import algebra
from influence_bench.methods.gradients.forms.convolution import Convolved
from influence_bench.methods.gradients.forms.gradient import Gradient
from influence_bench.methods.gradients.forms.outer import Outer
from influence_bench.methods.gradients.reduction import WeightedSum, inner, squared_l2
from influence_bench.methods.gradients.space import gradient_space


@pytest.fixture(autouse=True)
def no_silent_fallback():
    with warnings.catch_warnings():
        warnings.simplefilter("error", ib.FunctionalFallback)
        yield


def check_every_reduction(problem, layers, rtol):
    space = gradient_space(problem, layers)
    # On features the last layer is a model of its own, so its parameters have short names.
    prefix = "" if space.problem.model is problem.model else f"{_last_name(problem.model)}."
    names = [prefix + name for name in space.parameters]
    g, v = naive(problem, problem.train, names), naive(problem, problem.valid, names).mean(0)
    weights = torch.linspace(-1, 2, len(g), dtype=torch.float64)
    chosen = torch.randint(space.size, (9,))

    def same(ours, theirs):
        torch.testing.assert_close(ours.double(), theirs.double(), rtol=rtol, atol=rtol * float(theirs.abs().max()))

    direction, other = space.valid.mean(), space.train.weighted_sum(weights)
    same(space.train.squared_l2(), g.square().sum(1))
    same(space.train.l1(), g.abs().sum(1))
    same(space.train.largest(), g.abs().amax(1))
    same(space.vector(direction), v)
    same(space.train.inner(direction), g @ v)
    same(space.vector(other), weights @ g)
    same(space.train.inners([direction, other]), torch.stack([g @ v, g @ (weights @ g)], 1))
    same(space.train.cross(space.valid), g @ naive(problem, problem.valid, names).T)
    same(space.train.coordinates(chosen), g[:, chosen])
    same(space.train.matrix(), g)
    layer_sizes = space.layer_sizes.tolist()
    same(space.train.squared_l2_by_layer(), torch.stack([p.square().sum(1) for p in g.split(layer_sizes, 1)], 1))
    assert sum(layer_sizes) == space.size == g.shape[1]


def _last_name(model):
    owners = [n for n, module in model.named_modules() if next(module.parameters(recurse=False), None) is not None]
    return owners[-1]


@pytest.mark.parametrize("layers", ["all", "last"])
@pytest.mark.parametrize("kind", CLOSED)
def test_reductions_equal_autograd_in_float64(kind, layers):
    check_every_reduction(problem_of(*CLOSED[kind]), layers, rtol=1e-9)


@pytest.mark.parametrize("kind", CLOSED)
def test_reductions_are_close_in_float32(kind):
    check_every_reduction(problem_of(*CLOSED[kind], dtype=torch.float32), "all", rtol=1e-4)


@pytest.mark.parametrize("kind", FALLBACKS)
def test_what_has_no_closed_form_falls_back_and_says_why(kind):
    build, shape, reason = FALLBACKS[kind]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ib.FunctionalFallback)
        check_every_reduction(problem_of(build, shape), "all", rtol=1e-9)
    assert any("by torch.func, since" in str(w.message) and reason in str(w.message) for w in caught)


def test_only_the_parameters_without_a_closed_form_fall_back():
    build, shape, _ = FALLBACKS["parametric activation"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ib.FunctionalFallback)
        assert list(gradient_space(problem_of(build, shape), "all").plan.reasons) == ["1.weight"]


def test_fallback_in_small_pieces_gives_the_same(monkeypatch):
    monkeypatch.setattr("influence_bench.methods.gradients.capture.FALLBACK_NUMBERS", 60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ib.FunctionalFallback)
        check_every_reduction(problem_of(*FALLBACKS["recurrent"][:2]), "all", rtol=1e-9)


def test_every_rule_is_held_by_a_network(monkeypatch):
    used = Counter()

    def counted(rule):
        return lambda *args, **kwargs: (used.update([rule.__name__]), rule(*args, **kwargs))[1]

    rules = {function: counted(rule) for function, rule in algebra.ALGEBRA.items()}
    monkeypatch.setattr("influence_bench.methods.gradients.capture.ALGEBRA", rules)
    for build, shape in CLOSED.values():
        gradient_space(problem_of(build, shape), "*").train.squared_l2()
    assert {rule.__name__ for rule in algebra.ALGEBRA.values()} == used.keys()


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


def formed(monkeypatch, kind):
    """How many gradients of a kind are formed from here on."""
    count = []
    plain = kind.formed
    monkeypatch.setattr(kind, "formed", lambda self: count.append(self.shape) or plain(self))
    return count


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
def test_norms_form_gradients_only_where_that_is_cheaper(monkeypatch, network, layer, kind, forms):
    space = gradient_space(problem_of(*CLOSED[network]), layer)
    space.plan  # noqa: B018 - which holds each closed form against autograd once
    count = formed(monkeypatch, kind)
    ours = space.train.squared_l2()
    assert bool(count) == forms
    for module in ("outer", "convolution"):
        monkeypatch.setattr(f"influence_bench.methods.gradients.{module}.gram_costs_less", lambda *_: forms)
    torch.testing.assert_close(space.train.squared_l2(), ours)  # the other form gives the same


def test_norms_of_rank_one_gradients_form_no_gradient(monkeypatch):
    space = gradient_space(problem_of(mlp, (4,)), "all")
    direction = space.valid.mean()
    monkeypatch.setattr(Outer, "formed", lambda self: 1 / 0)
    space.train.squared_l2(), space.train.l1(), space.train.largest(), space.train.inner(direction)
    space.train.coordinates(torch.arange(5)), space.train.cross(space.valid)


def test_several_reductions_take_one_pass_and_give_the_same():
    problem = problem_of(mlp, (4,))
    space = gradient_space(problem, "all")
    v, weights = space.valid.mean(), torch.rand(23)
    apart = space.train.squared_l2_by_layer(), space.train.inner_by_layer(v), space.train.weighted_sum(weights)
    passes = []
    hook = problem.model[0].register_forward_hook(lambda *_: passes.append(1))
    together = space.train.reduce(squared_l2(), inner(v), WeightedSum(weights))
    hook.remove()
    assert len(passes) == 5
    for one, other in zip(apart[:2], together[:2], strict=True):
        assert torch.equal(one, other)
    assert all(torch.equal(apart[2][name], together[2][name]) for name in v)


def test_the_last_layer_costs_one_forward_pass_whatever_the_reductions():
    problem = problem_of(mlp, (4,))
    problem = ib.Problem(problem.model[:-1], problem.train, problem.valid, batch_size=5)
    passes = []
    problem.model[0].register_forward_hook(lambda *_: passes.append(1))
    space = gradient_space(problem, "last")
    assert len(passes) == 1 + 5  # one row to find the last layer, five batches
    direction = space.valid.mean()
    assert len(passes) == 1 + 5 + 2  # two more of validation rows
    space.train.squared_l2(), space.train.l1(), space.train.inner(direction)
    assert len(passes) == 1 + 5 + 2


def test_the_users_own_loss_with_a_mean_reduction_is_taken_per_sample():
    own = problem_of(mlp, (4,), loss=nn.CrossEntropyLoss(label_smoothing=0.1))
    check_every_reduction(own, "all", rtol=1e-9)


def test_a_last_layer_whose_weight_is_used_elsewhere_too_counts_every_use():
    class TiedHead(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix, self.fc = nn.Linear(CLASSES, CLASSES), nn.Linear(CLASSES, CLASSES)
            self.mix.weight = self.fc.weight

        def forward(self, x):
            return self.fc(torch.tanh(self.mix(x)))

    check_every_reduction(problem_of(TiedHead, (CLASSES,)), "last", rtol=1e-9)


def test_a_model_that_autograd_cannot_differentiate_is_refused():
    with pytest.raises(ib.InputError, match="autograd cannot differentiate this model"):
        gradient_space(problem_of(OverwritesItsInput, (2, 6, 6)), "all").train.squared_l2()


def test_a_norm_by_batch_is_refused_by_name():
    mixing = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6, track_running_stats=False), nn.Linear(6, CLASSES))
    with pytest.raises(ib.InputError, match="1 normalises by its batch"):
        gradient_space(problem_of(lambda: mixing, (4,)), "all")


def encoder_with(bytes_per_row):
    """The encoder with a memory budget of so many times what a row takes."""
    takes = gradient_space(problem_of(*CLOSED["encoder"]), "all").plan.bytes_per_row
    return problem_of(*CLOSED["encoder"], memory_budget=int(takes * bytes_per_row))


def test_a_tight_memory_budget_changes_the_rows_at_a_time_and_nothing_else():
    tight, generous = encoder_with(4.5), problem_of(*CLOSED["encoder"])
    rows = [len(batch) for _, batch in gradient_space(tight, "all").batches(tight.train)]
    assert max(rows) == 2
    ours, theirs = (gradient_space(p, "all").train.squared_l2() for p in (tight, generous))
    torch.testing.assert_close(ours, theirs)


def test_what_cannot_keep_to_the_memory_budget_is_refused_with_its_size():
    with pytest.raises(ib.InputError, match=r"one row would take .* choose fewer layers"):
        gradient_space(encoder_with(0.9), "all").train.squared_l2()
    with pytest.raises(ib.InputError, match=r"the gradients \(n, p\) would take"):
        gradient_space(problem_of(*CLOSED["mlp"], memory_budget=5_000), "all").train.matrix()


@pytest.mark.parametrize(("budget", "bytes_per_parameter"), [(2 * 2**30, 20), (2**28, 8)])
def test_the_check_ahead_of_the_passes_takes_little_memory_and_less_of_a_tight_budget(budget, bytes_per_parameter):
    width = 4000
    model = nn.Sequential(
        nn.Linear(256, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, CLASSES)
    )
    train = torch.randn(8, 256), torch.randint(CLASSES, (8,))
    space = gradient_space(ib.Problem(model, train, batch_size=4, memory_budget=budget), "all")
    model(train[0][:2]).sum().backward()  # what comes with the first backward pass of a process
    model.zero_grad(set_to_none=True)
    memory.settle()
    before = memory.resident_bytes()
    memory.reset_peak()
    assert not space.plan.reasons
    assert memory.peak_bytes() - before < bytes_per_parameter * space.size


@pytest.mark.parametrize("budget", [2 * 2**30, 10_000])
def test_a_closed_form_that_disagrees_with_autograd_is_not_used(budget, monkeypatch):
    wrong = algebra.ALGEBRA | {nn.functional.linear: lambda s, delta, *args: algebra.linear(s, 1.1 * delta, *args)}
    for module in ("capture", "plan"):
        monkeypatch.setattr(f"influence_bench.methods.gradients.{module}.ALGEBRA", wrong)
    with pytest.warns(ib.FunctionalFallback, match="does not agree with autograd"):
        check_every_reduction(problem_of(mlp, (4,), memory_budget=budget), "all", rtol=1e-9)


@pytest.mark.parametrize("layers", ["0", ["0"], "*"])
def test_layers_are_chosen_by_name_pattern(layers):
    expected = 4 * 6 + 6 if layers != "*" else 4 * 6 + 6 + 6 * 3 + 3
    assert gradient_space(problem_of(mlp, (4,)), layers).size == expected


def test_lora_layers_are_chosen_together():
    assert list(gradient_space(problem_of(*CLOSED["low rank"]), "lora").modules) == ["lora_A", "lora_B"]


def test_a_pattern_that_matches_nothing_names_the_layers():
    with pytest.raises(ib.InputError, match="matches none of this model's layers: 0, 3"):
        gradient_space(problem_of(mlp, (4,)), "encoder.*")


def test_modes_hooks_and_settings_are_as_they_were_even_after_an_error():
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


def test_a_piece_of_any_gradient_is_that_of_the_rows():
    space = gradient_space(problem_of(*CLOSED["called twice"]), "all")
    whole: dict[str, Gradient] = {}
    _, batch = next(iter(space.batches(space.problem.train)))
    space.train._capture(batch, lambda _, name, gradient: whole.__setitem__(name, gradient))
    for gradient in whole.values():
        assert torch.equal(gradient[1:3].formed(), gradient.formed()[1:3])
