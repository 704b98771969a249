"""Models, checkpoints and arrays as users have them: unwrapped where that is safe, else refused in one line."""

import copy
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from torch import nn
from torch.utils.checkpoint import checkpoint

import influence_bench as ib


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))


X, Y = torch.randn(20, 4, generator=torch.Generator().manual_seed(1)), torch.arange(20) % 3


def test_a_wrapped_model_is_taken_for_what_it_wraps():
    plain = ib.score("grand", ib.Problem(network(), (X, Y)))
    for wrapped in (nn.DataParallel(network()), torch.compile(network())):
        np.testing.assert_array_equal(ib.score("grand", ib.Problem(wrapped, (X, Y))), plain)


def lazy():
    return nn.Sequential(nn.LazyLinear(3))


def meta():
    with torch.device("meta"):
        return nn.Linear(4, 3)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: torch.jit.script(network()), "model is scripted or traced"),
        (lazy, "0.weight of the model is lazy"),
        (meta, "weight of the model is on the device meta"),
        (lambda: len, "model is a builtin_function_or_method: give a torch.nn.Module"),
    ],
)
def test_a_model_without_a_module_or_values_is_refused(model, message):
    with pytest.raises(ib.InputError, match=message):
        ib.Problem(model(), (X, Y))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {f"module.{name}": value for name, value in state.items()},
        lambda state: {f"module._orig_mod.{name}": value for name, value in state.items()},
        lambda state: {"epoch": 3, "state_dict": {f"model.{name}": value for name, value in state.items()}},
        lambda state: {"model": state, "optimizer": {"lr": 0.1}},
    ],
)
def test_the_wrappers_of_a_checkpoints_names_are_taken_off(wrap):
    model, other = network(), network().double().float()
    with torch.no_grad():
        other[0].weight.mul_(2)
    state = copy.deepcopy(other.state_dict())
    rows = [ib.Problem(model, (X, Y), checkpoints=[(given, 1.0)]) for given in (state, wrap(state))]
    ours, theirs = (ib.score("grand", problem, checkpoints="all") for problem in rows)
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(ours, ib.score("grand", ib.Problem(other, (X, Y))))
    bare = ib.Problem(model, (X, Y), checkpoints=[state])
    np.testing.assert_array_equal(ours, ib.score("grand", bare, checkpoints="all"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: {name: state[name] for name in list(state)[1:]}, "a checkpoint lacks 0.weight"),
        (lambda state: state | {"3.weight": torch.ones(1)}, "has 3.weight, which the model has not"),
        (lambda state: {f"a.{name}": value for name, value in state.items()}, "lacks 0.bias.* and has a.0.bias"),
        (lambda state: state | {"0.weight": torch.ones(2, 4)}, r"0.weight in the shape \(2, 4\), and the model in"),
    ],
)
def test_a_checkpoint_of_another_model_is_refused_by_names(change, message):
    model = network()
    problem = ib.Problem(model, (X, Y), checkpoints=[(change(model.state_dict()), 1.0)])
    with pytest.raises(ib.InputError, match=message):
        ib.score("grand", problem, checkpoints="all")


def test_a_checkpoint_may_lack_what_is_frozen_and_repeat_what_is_shared():
    model = network()
    model[0].requires_grad_(False)
    part = {name: value for name, value in model.state_dict().items() if name.startswith("2")}
    np.testing.assert_array_equal(
        ib.score("grand", ib.Problem(model, (X, Y), checkpoints=[part]), checkpoints="all"),
        ib.score("grand", ib.Problem(model, (X, Y))),
    )
    tied = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4))
    tied[2].weight = tied[0].weight
    problem = ib.Problem(tied, (X, Y), checkpoints=[tied.state_dict()])
    assert ib.score("grand", problem, checkpoints="all").shape == (20,)


def test_only_safetensors_files_are_read(tmp_path):
    torch.save(network().state_dict(), tmp_path / "state.pt")
    for file in (tmp_path / "state.pt", str(tmp_path / "state.pt")):
        with pytest.raises(ib.InputError, match=r"state\.pt is no safetensors file"):
            ib.Problem(network(), (X, Y), checkpoints=[(file, 0.1)])


def test_frozen_parameters_are_no_part_of_all_layers_but_of_those_that_are_named():
    model = network()
    whole = ib.score("grand", ib.Problem(model, (X, Y)))
    first = ib.score("grand", ib.Problem(model, (X, Y)), layers="0")
    last = ib.score("grand", ib.Problem(model, (X, Y)), layers="last")
    model[0].requires_grad_(False)
    np.testing.assert_allclose(ib.score("grand", ib.Problem(model, (X, Y))), last)
    np.testing.assert_allclose(ib.score("grand", ib.Problem(model, (X, Y)), layers="0"), first)
    model[2].requires_grad_(False)
    np.testing.assert_allclose(ib.score("grand", ib.Problem(model, (X, Y))), whole)
    model[2].bias.requires_grad_(True)
    bias = ib.score("grand", ib.Problem(model, (X, Y)))
    outputs = model(X).softmax(1) - torch.eye(3)[Y]
    np.testing.assert_allclose(bias, outputs.norm(dim=1).detach().numpy(), rtol=1e-5)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X.numpy(), Y.numpy()),
        (pd.DataFrame(X.numpy()).sample(frac=1, random_state=0).sort_index(), pd.Series(Y.numpy(), index=range(5, 25))),
        (sparse.csr_matrix(X.numpy()), Y),
        (X.to_sparse(), Y.tolist()),
    ],
    ids=["numpy", "pandas", "scipy", "sparse"],
)
def test_arrays_of_other_libraries_are_taken_by_position(x, y):
    np.testing.assert_array_equal(
        ib.score("loss", ib.Problem(network(), (x, y))), ib.score("loss", ib.Problem(network(), (X, Y)))
    )


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X.numpy().astype(object), Y, "train: x is no array of numbers"),
        ((X, X), Y, "train: x is no array of numbers .* several inputs as a mapping"),
        (X, np.array(list("abcab" * 4)), "train: y holds words, such as 'a': .* makes class indices"),
        ({"image": X, "text": ["a"] * 20}, Y, "train: an input holds words, such as 'a'"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused_in_one_line(x, y, message):
    with pytest.raises(ib.InputError, match=message):
        ib.Problem(network(), (x, y))


def test_an_array_that_cannot_be_written_is_taken_without_a_warning():
    x = X.numpy().copy()
    x.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ib.Problem(network(), (x, Y))


@pytest.mark.parametrize("reentrant", [False, True])
def test_activation_checkpoints_change_no_gradient(reentrant):
    class Checkpointed(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network()

        def forward(self, x):
            return self.inner[2](checkpoint(self.inner[:2], x, use_reentrant=reentrant))

    np.testing.assert_allclose(
        ib.score("grand", ib.Problem(Checkpointed(), (X, Y))), ib.score("grand", ib.Problem(network(), (X, Y)))
    )


def test_a_complex_parameter_is_refused_where_gradients_are_asked_for():
    class Wave(nn.Module):
        def __init__(self):
            super().__init__()
            self.wave, self.fc = nn.Parameter(torch.randn(4, dtype=torch.complex64)), nn.Linear(4, 3)

        def forward(self, x):
            return self.fc((x * self.wave).abs())

    problem = ib.Problem(Wave(), (X, Y))
    assert ib.score("grand", problem, layers="last").shape == (20,)
    with pytest.raises(ib.InputError, match="wave is complex"):
        ib.score("grand", problem)
