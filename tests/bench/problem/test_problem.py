"""`Problem`: what it accepts, refuses and promises."""

import numpy as np
import pytest
import torch
from torch import nn

import influence_bench as ib
from influence_bench.bench.problem.problem import evaluating
from influence_bench.bench.registry.method import METHODS


def problem(n=20, **more):
    torch.manual_seed(0)
    x, y = torch.randn(n, 3), torch.arange(n) % 2
    return ib.Problem(nn.Linear(3, 2), train=(x, y), **more)


def test_arrays_of_numpy_are_taken_in_the_models_own_precision():
    given = ib.Problem(nn.Linear(3, 2), train=(np.random.default_rng(0).normal(size=(5, 3)), np.array([0, 1, 0, 1, 1])))
    assert given.train.x.dtype == torch.float32
    assert given.train.y.dtype == torch.int64
    assert ib.score("loss", given).shape == (5,)


@pytest.mark.parametrize(
    ("train", "more", "message"),
    [
        ((torch.zeros(3, 2), torch.zeros(4).long()), {}, "x has 3 rows and y has 4"),
        ((torch.zeros(0, 2), torch.zeros(0).long()), {}, "no rows"),
        ((torch.tensor([[0.0], [np.nan]]), torch.tensor([0, 1])), {}, "row 1 of x is not finite"),
        ((torch.zeros(2, 2), torch.tensor([0.5, 1.0])), {}, "y must be class indices"),
        ((torch.zeros(2, 2), torch.tensor([-1, 1])), {}, "y must be class indices"),
        ((torch.zeros(2, 2), torch.tensor([0, 1])), {"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_bad_data_is_refused_in_one_line(train, more, message):
    with pytest.raises(ib.InputError, match=message):
        ib.Problem(nn.Linear(2, 2), train=train, **more)


def test_without_checkpoints_there_is_one_the_model_as_it_stands():
    given = problem()
    assert len(given.checkpoints) == 1
    assert torch.equal(given.checkpoints[0].state["weight"], given.model.weight)
    assert given.checkpoints[0].learning_rate == 1


def test_state_dicts_with_learning_rates_are_checkpoints():
    states = [({"weight": torch.zeros(2, 3), "bias": torch.zeros(2)}, 0.5)]
    given = problem(checkpoints=states)
    assert torch.equal(given.outputs(given.checkpoints[0]), torch.zeros(20, 2))
    assert not torch.equal(given.outputs(), torch.zeros(20, 2))


def test_the_sampling_order_follows_the_rows():
    given = problem()
    order = torch.randperm(20)
    permuted = ib.Problem(given.model, train=given.train[order])
    assert torch.equal(given.train.x[given.sampling_order()], permuted.train.x[permuted.sampling_order()])


def test_every_modules_own_mode_is_restored_even_after_an_error():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2).eval(), nn.Dropout())
    with evaluating(model):
        assert not any(module.training for module in model.modules())
    with pytest.raises(KeyError), evaluating(model):
        raise KeyError
    assert [module.training for module in model.modules()] == [True, True, False, True]


def test_names_are_found_or_the_nearest_are_told():
    with pytest.raises(ib.InputError, match="no method 'trasin': did you mean tracin"):
        ib.score("trasin", problem())
    with pytest.raises(ib.InputError, match="no hyperparameter of outlier-gradient 'detectr': did you mean detector"):
        ib.score("outlier-gradient", problem(), detectr="l1")
    with pytest.raises(ib.InputError, match="there is no detector 'l3': did you mean"):
        ib.score("outlier-gradient", problem(), detector="l3")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("outlier-gradient", "outlier-gradient"),
        ("outlier-gradient[detector=iforest]", "outlier-gradient"),
        ("outlier-gradient[layers=all, detector=l1]", "outlier-gradient[detector=l1,layers=all]"),
        ("lissa[damping=1,steps=20]", "lissa[damping=1,steps=20]"),
        ("grand[layers=2]", "grand[layers=2]"),  # the name of a layer, though it could be a number
    ],
)
def test_a_leaderboard_row_is_a_method_with_its_non_default_hyperparameters(text, label):
    method, given = METHODS.parse(text)
    assert method.label(given) == label


@pytest.mark.parametrize("text", ["tracin[layers=all", "tracin[layers]", "tracin[layer=all]", "lissa[steps=1.5]"])
def test_a_row_that_cannot_be_read_is_refused(text):
    with pytest.raises(ib.InputError):
        METHODS.parse(text)


def test_a_name_registered_twice_from_different_files_is_refused(own_methods):
    with pytest.raises(ib.InputError, match=r"'tracin' of .* is already in influence_bench\.methods\.tracin"):

        @ib.method(family="control", paper="none")
        def tracin(problem):
            return np.zeros(len(problem.train))
