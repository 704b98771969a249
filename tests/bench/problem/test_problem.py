"""`Problem`: the data that it accepts, and what it promises to methods."""

import numpy as np
import pytest
import torch
from torch import nn

import influence_bench as ib
from influence_bench.bench.problem.evaluation import evaluating


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


def test_without_checkpoints_the_model_as_it_stands_is_the_only_one():
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
