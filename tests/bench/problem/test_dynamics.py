"""Training dynamics: how they are made, checked, indexed and withheld."""

import numpy as np
import pytest
import torch
from torch import nn

import influence_bench as ib

MARGINS = torch.tensor([[2.0, 1, 3, 1], [1, -1, 1, -3], [-2, -1, 1, 2], [-4, -1, -1, -2], [0, 0, 0, 0]]).T
DYNAMICS = ib.Dynamics(MARGINS + 10, torch.full((4, 5), 10), -torch.ones(4, 5))


def problem(**more):
    return ib.Problem(nn.Linear(2, 2), train=(torch.zeros(5, 2), torch.zeros(5).long()), **more)


def test_dynamics_are_withheld_from_methods_that_do_not_declare_them():
    given = problem(dynamics=DYNAMICS)
    assert given.only(frozenset()).dynamics is None
    assert given.only(frozenset({"dynamics"})).dynamics is DYNAMICS


def test_dynamics_are_made_from_the_logits_of_every_epoch():
    logits = torch.tensor([[[1.0, 3, 2], [0, 0, 4]], [[0, 5, 1], [2, 1, 2]]])  # two epochs, two rows, three classes
    made = ib.Dynamics.of(logits, torch.tensor([1, 2]))
    np.testing.assert_allclose(made.margin, [[1, 4], [4, 0]])
    np.testing.assert_allclose(made.probability, logits.double().softmax(2)[:, [0, 1], [1, 2]], rtol=1e-6)


def test_dynamics_follow_the_rows():
    rows = torch.tensor([3, 1])
    given = problem(dynamics=DYNAMICS)
    np.testing.assert_allclose(given.on(rows).recorded.margin, MARGINS[:, rows])
    np.testing.assert_allclose(given.on(slice(1, 3)).recorded.margin, MARGINS[:, 1:3])


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ((torch.zeros(4, 5), torch.zeros(4, 5), torch.zeros(4, 6)), r"must have one shape \(epochs, n\)"),
        ((torch.zeros(5),) * 3, r"must have one shape \(epochs, n\)"),
        ((torch.zeros(0, 5),) * 3, r"must have one shape \(epochs, n\)"),
        ((torch.zeros(4, 5), torch.zeros(4, 5), torch.full((4, 5), -torch.inf)), "log_probability is not finite"),
        ((torch.zeros(4, 6),) * 3, "dynamics: 6 rows, but 5 in train"),
    ],
)
def test_dynamics_that_do_not_fit_are_refused_in_one_line(figures, message):
    with pytest.raises(ib.InputError, match=message):
        problem(dynamics=ib.Dynamics(*figures))
