"""Every reduction of the gradient engine against plain autograd, one sample at a time, in float64."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import influence_bench as ib
from influence_bench.bench.models import ResidualBlock
from influence_bench.methods.gradients import capture, gradient_space

CLASSES = 3


class InPlace(nn.Module):
    """Batch normalisation, in-place activations and an in-place shortcut, as torchvision's networks have them."""

    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.norm2 = nn.Conv2d(4, 4, 3, padding=1, dilation=1, bias=False), nn.GroupNorm(2, 4)
        self.fc = nn.Linear(4, CLASSES)

    def forward(self, x):
        x = F.relu(self.norm1(self.conv1(x)), inplace=True)
        out = self.norm2(self.conv2(x))
        out += x
        return self.fc(F.relu_(out).mean((2, 3)))


class Sequence(nn.Module):
    """Linear layers at every position, layer normalisation, then a mean over positions."""

    def __init__(self, width):
        super().__init__()
        self.up, self.norm, self.fc = nn.Linear(5, width), nn.LayerNorm(width), nn.Linear(width, CLASSES)

    def forward(self, x):
        return self.fc(torch.tanh(self.norm(self.up(x))).mean(1))


class Tied(nn.Module):
    """One weight in two modules, and a module called twice."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.fc = nn.Linear(4, 4), nn.Linear(4, 4, bias=False), nn.Linear(4, CLASSES)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.fc(torch.tanh(self.second(torch.tanh(self.first(x)))))


class CalledTwice(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix, self.fc = nn.Linear(4, 4), nn.Linear(4, CLASSES)

    def forward(self, x):
        return self.fc(torch.tanh(self.mix(torch.tanh(self.mix(x)))))


class OverwritesItsInput(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(2, 3, 1), nn.Linear(2, CLASSES)

    def forward(self, x):
        x = x * 1
        out = self.conv(x)
        x += 1
        return self.fc(x.mean((2, 3))) + out.mean((2, 3))


class PositionsFirst(nn.Module):
    """A layer that does not see the samples first."""

    def __init__(self):
        super().__init__()
        self.up, self.fc = nn.Linear(5, 4), nn.Linear(4, CLASSES)

    def forward(self, x):
        return self.fc(torch.tanh(self.up(x.transpose(0, 1))).mean(0))


MODELS = {
    "linear": (lambda: nn.Linear(4, CLASSES), (4,)),
    "mlp": (lambda: nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, CLASSES)), (4,)),
    "no bias": (lambda: nn.Sequential(nn.Linear(4, 6, bias=False), nn.Tanh(), nn.Linear(6, CLASSES, bias=False)), (4,)),
    "batch norm of features": (lambda: nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, CLASSES)), (4,)),
    "in place": (InPlace, (2, 6, 6)),
    "residual": (lambda: nn.Sequential(ResidualBlock(2, 4, 2), nn.Flatten(), nn.Linear(36, CLASSES)), (2, 6, 6)),
    "sequence, positions below channels": (lambda: Sequence(40), (3, 5)),
    "sequence, positions above channels": (lambda: Sequence(2), (30, 5)),
    "softmax after the last layer": (lambda: nn.Sequential(nn.Linear(4, CLASSES), nn.LogSoftmax(1)), (4,)),
}
FALLBACKS = {
    "tied": (Tied, (4,)),
    "called twice": (CalledTwice, (4,)),
    "positions first": (PositionsFirst, (3, 5)),
    "grouped convolution": (
        lambda: nn.Sequential(nn.Conv2d(2, 4, 3, groups=2), nn.Flatten(), nn.Linear(64, CLASSES)),
        (2, 6, 6),
    ),
    "unknown module": (lambda: nn.Sequential(nn.Linear(4, 4), nn.PReLU(), nn.Linear(4, CLASSES)), (4,)),
}


def problem_of(build, shape, dtype=torch.float64, **more):
    torch.manual_seed(0)
    model = build().to(dtype)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.data.normal_()
    x, y = torch.randn(23, *shape, dtype=dtype), torch.randint(CLASSES, (23,))
    return ib.Problem(model, train=(x, y), valid=(x[:7] + 1, y[:7]), batch_size=5, **more)


def naive(problem, examples, names):
    """Gradients (n, p) of the loss by autograd, one sample at a time, and their split by parameter."""
    model = problem.model.eval()
    parameters = dict(model.named_parameters(remove_duplicate=False))
    rows = []
    for x, y in zip(examples.x, examples.y, strict=True):
        loss = problem.losses(model(x[None]), y[None]).sum()
        grads = torch.autograd.grad(
            loss, [parameters[name] for name in names], allow_unused=True, materialize_grads=True
        )
        rows.append(torch.cat([g.flatten() for g in grads]))
    return torch.stack(rows).double()


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

    def same(ours, theirs):
        torch.testing.assert_close(ours.double(), theirs.double(), rtol=rtol, atol=rtol * float(theirs.abs().max()))

    same(space.train.squared_l2(), g.square().sum(1))
    same(space.train.l1(), g.abs().sum(1))
    same(space.vector(space.valid.mean()), v)
    same(space.train.inner(space.valid.mean()), g @ v)
    same(space.vector(space.train.weighted_sum(weights)), weights @ g)
    same(space.train.matrix(), g)
    assert space.train.squared_l2_by_layer().shape[1] == len(space.layer_sizes)
    assert int(space.layer_sizes.sum()) == space.size == g.shape[1]


def _last_name(model):
    return [name for name, module in model.named_modules() if next(module.parameters(recurse=False), None) is not None][
        -1
    ]


@pytest.mark.parametrize("layers", ["all", "last"])
@pytest.mark.parametrize("kind", MODELS)
def test_reductions_equal_autograd_in_float64(kind, layers):
    check_every_reduction(problem_of(*MODELS[kind]), layers, rtol=1e-9)


@pytest.mark.parametrize("kind", MODELS)
def test_reductions_are_close_in_float32(kind):
    check_every_reduction(problem_of(*MODELS[kind], dtype=torch.float32), "all", rtol=1e-4)


@pytest.mark.parametrize("kind", FALLBACKS)
def test_what_has_no_closed_form_falls_back_and_says_so(kind):
    problem = problem_of(*FALLBACKS[kind])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ib.FunctionalFallback)
        check_every_reduction(problem, "all", rtol=1e-9)
    assert any("torch.func, since" in str(w.message) for w in caught)


def test_fallback_in_small_pieces_gives_the_same(monkeypatch):
    monkeypatch.setattr("influence_bench.methods.gradients.stream.FALLBACK_NUMBERS", 60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ib.FunctionalFallback)
        check_every_reduction(problem_of(*FALLBACKS["tied"]), "all", rtol=1e-9)


def test_norms_pick_the_gram_form_only_where_positions_are_few(monkeypatch):
    formed = []
    monkeypatch.setattr(
        "influence_bench.methods.gradients.layer.Factored._weight",
        lambda self: formed.append(self.weight) or self.delta.mT @ self.a,
    )
    gradient_space(problem_of(*MODELS["sequence, positions below channels"]), "up").train.squared_l2()
    assert not formed
    gradient_space(problem_of(*MODELS["sequence, positions above channels"]), "up").train.squared_l2()
    assert "up.weight" in formed


def test_norms_of_rank_one_gradients_form_no_gradient(monkeypatch):
    monkeypatch.setattr("influence_bench.methods.gradients.layer.Factored._weight", lambda self: 1 / 0)
    space = gradient_space(problem_of(*MODELS["mlp"]), "all")
    space.train.squared_l2(), space.train.l1(), space.train.inner(space.valid.mean())


def test_the_last_layer_costs_one_forward_pass_whatever_the_reductions():
    problem = problem_of(*MODELS["mlp"])
    passes = []
    problem.model[0].register_forward_hook(lambda *_: passes.append(1))
    space = gradient_space(problem, "last")
    batches = len(passes)
    space.train.squared_l2(), space.train.l1(), space.train.inner(space.valid.mean())
    assert len(passes) == batches == 1 + 5 + 2  # one row to find the last layer, five batches, two of validation


def test_the_users_own_loss_with_a_mean_reduction_is_taken_per_sample():
    build, shape = MODELS["mlp"]
    own = problem_of(build, shape, loss=nn.CrossEntropyLoss(label_smoothing=0.1))
    check_every_reduction(own, "all", rtol=1e-9)


def test_a_last_layer_whose_weight_is_used_elsewhere_too_counts_every_use():
    class TiedHead(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix, self.fc = nn.Linear(CLASSES, CLASSES), nn.Linear(CLASSES, CLASSES)
            self.mix.weight = self.fc.weight

        def forward(self, x):
            return self.fc(torch.tanh(self.mix(x)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ib.FunctionalFallback)
        check_every_reduction(problem_of(TiedHead, (CLASSES,)), "last", rtol=1e-9)


def test_a_layer_whose_input_is_overwritten_is_refused_by_name():
    with pytest.raises(ib.InputError, match="the input of conv is overwritten"):
        gradient_space(problem_of(OverwritesItsInput, (2, 6, 6)), "all").train.squared_l2()


@pytest.mark.parametrize("layers", ["0", ["0"], "*"])
def test_layers_are_chosen_by_name_pattern(layers):
    problem = problem_of(*MODELS["mlp"])
    expected = 4 * 6 + 6 if layers != "*" else 4 * 6 + 6 + 6 * 3 + 3
    assert gradient_space(problem, layers).size == expected


def test_a_pattern_that_matches_nothing_names_the_layers():
    with pytest.raises(ib.InputError, match="matches none of this model's layers: 0, 3"):
        gradient_space(problem_of(*MODELS["mlp"]), "encoder.*")


def test_a_module_that_the_forward_pass_skips_falls_back_to_zero_gradients():
    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.idle, self.fc = nn.Linear(4, 4), nn.Linear(4, CLASSES)

        def forward(self, x):
            return self.fc(x)

    problem = problem_of(Idle, (4,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ib.FunctionalFallback)
        assert gradient_space(problem, "idle").train.squared_l2().abs().max() == 0


def test_every_closed_form_is_held_by_a_test():
    tested = {type(module) for build, _ in MODELS.values() for module in build().modules()}
    assert set(capture.ALGEBRA) <= tested
