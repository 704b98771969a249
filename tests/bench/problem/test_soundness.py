"""A model or a loss that gives rows no results of their own is refused in one line, or noted, before it is scored."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import influence_bench as ib
from influence_bench.bench.problem.soundness import Unsound


class Of(nn.Module):
    """A linear layer with a function of its outputs and inputs behind it."""

    def __init__(self, function, width=3):
        super().__init__()
        self.fc, self.function = nn.Linear(4, width), function

    def forward(self, x):
        return self.function(self.fc(x), x)


def problem(model, y=None, n=20, x=None, **more):
    torch.manual_seed(0)
    x = torch.randn(n, 4) if x is None else x
    return ib.Problem(model, (x, torch.arange(n) % 3 if y is None else y), **more)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda out, x: (out, x), "the model returns a tuple: it must return one tensor"),
        (lambda out, x: {"out": out}, "the model returns a dict with the keys out"),
        (
            lambda out, x: torch.cat([out, out[:, :2]], 1).T,
            r"outputs for 3 rows have the shape \(5, 3\): their first axis must be the rows",
        ),
        (lambda out, x: out[None].expand(8, -1, -1), r"for 3 rows have the shape \(8, 3, 3\)"),
        (lambda out, x: out.sum(), r"have the shape \(\): their first axis"),
        (
            lambda out, x: out[:, 0],
            r"cross-entropy needs logits \(n, classes\), and the outputs are \(3,\)",
        ),
        (lambda out, x: out[:, :2], "train: a label is 2, but the model has 2 outputs, for the labels 0 to 1"),
        (lambda out, x: out @ torch.ones(5, 5), r"the model fails on inputs \(3, 4\) of float32: RuntimeError: mat1"),
    ],
)
@pytest.mark.parametrize("method", ["loss", "grand"])
def test_outputs_that_are_no_rows_of_logits_are_refused_in_one_line(function, message, method):
    with pytest.raises(ib.InputError, match=message) as caught:
        ib.score(method, problem(Of(function)))
    assert "\n" not in str(caught.value)


def test_a_label_of_the_validation_rows_beyond_the_outputs_is_named():
    given = problem(nn.Linear(4, 3), valid=(torch.randn(5, 4), torch.arange(5)))
    with pytest.raises(ib.InputError, match="valid: a label is 4, but the model has 3 outputs"):
        ib.score("tracin", given)


def test_outputs_in_a_dictionary_and_squeezed_ones_are_taken():
    plain = ib.score("loss", problem(model := Of(lambda out, x: out)))
    model.function = lambda out, x: {"logits": out}
    assert ib.score("loss", problem(model)).tolist() == plain.tolist()
    y = torch.randint(2, (17,)).float()
    torch.manual_seed(0)
    squeezed = Of(lambda out, x: out.squeeze(), width=1)
    for size in (None, 8, 16, 1):
        given = problem(squeezed, y, 17, loss=nn.BCEWithLogitsLoss(), batch_size=size)
        expected = F.binary_cross_entropy_with_logits(squeezed(given.train.x), y, reduction="none")
        torch.testing.assert_close(torch.from_numpy(ib.score("loss", given)), expected.detach().double())
        assert ib.score("grand", given).shape == (17,)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda out, x: F.dropout(out, 0.5, training=True), "random in evaluation mode"),
        (lambda out, x: out - out.mean(0), "depend on the rows beside it"),
    ],
)
def test_random_outputs_and_outputs_that_mix_rows_are_noted_once(function, message):
    given = problem(Of(function))
    with pytest.warns(Unsound, match=message):
        ib.score("loss", given)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ib.score("loss", given)


def test_the_look_leaves_the_random_state_and_the_modes_alone():
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout()).train()
    given, state = problem(model), torch.random.get_rng_state()
    ib.score("loss", given)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(module.training for module in model.modules())


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_class_weights_count_whatever_the_reduction(reduction):
    weight, model = torch.tensor([1.0, 5.0, 0.1]), nn.Linear(4, 3)
    given = problem(model, loss=nn.CrossEntropyLoss(weight=weight, reduction=reduction))
    expected = F.cross_entropy(model(given.train.x), given.train.y, weight=weight, reduction="none")
    torch.testing.assert_close(torch.from_numpy(ib.score("loss", given)), expected.detach().double())


@pytest.mark.parametrize("odd", range(5))
def test_the_weight_of_a_single_class_is_seen_though_the_first_rows_are_of_another(odd):
    weight = torch.ones(5)
    weight[odd] = 3
    given = problem(nn.Linear(4, 5), torch.arange(20) // 4, loss=lambda out, y: F.cross_entropy(out, y, weight=weight))
    with pytest.raises(ib.InputError, match="neither the sum nor the mean of theirs"):
        ib.score("loss", given)


@pytest.mark.parametrize(
    "loss",
    [
        lambda out, y: F.cross_entropy(out, y, weight=torch.tensor([1.0, 5.0, 0.1])),
        lambda out, y: F.cross_entropy(out, y, reduction="none")[y > 0].mean(),
        lambda out, y: F.cross_entropy(out, y, reduction="none").square().mean().sqrt(),
    ],
    ids=["weights", "some rows", "root mean square"],
)
def test_a_loss_that_is_neither_the_sum_nor_the_mean_of_its_rows_is_refused(loss):
    with pytest.raises(ib.InputError, match="neither the sum nor the mean of theirs"):
        ib.score("loss", problem(nn.Linear(4, 3), loss=loss))


@pytest.mark.parametrize(
    "loss",
    [
        lambda out, y: F.cross_entropy(out, y) if out.sum().item() < 1e9 else out.mean(),
        lambda out, y: F.cross_entropy(out[y >= 0], y[y >= 0]),
    ],
    ids=["a branch on values", "a mask"],
)
@pytest.mark.parametrize("method", ["loss", "grand"])
def test_losses_that_branch_or_mask_are_computed_row_by_row(loss, method):
    model = nn.Linear(4, 3)
    ours, plain = ib.score(method, problem(model, loss=loss)), ib.score(method, problem(model))
    assert ours == pytest.approx(plain)


def test_a_loss_with_parameters_of_its_own_and_one_that_fails():
    scale = nn.Parameter(torch.tensor(2.0))
    given = problem(nn.Linear(4, 3), loss=lambda out, y: scale * F.cross_entropy(out, y))
    assert ib.score("loss", given) == pytest.approx(2 * ib.score("loss", problem(given.model)))
    with pytest.raises(ib.InputError, match=r"the loss fails on outputs \(3, 1\) and labels \(3,\) of float32"):
        ib.score("loss", problem(nn.Linear(4, 1), torch.rand(20), loss=nn.BCEWithLogitsLoss()))
