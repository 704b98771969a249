"""Methods scored side by side share their passes over the data, and score as they do alone."""

import numpy as np
import pytest
import torch
from networks import CLOSED, problem_of
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.bench.problem.passes import side_by_side
from influence_bench.bench.registry.method import METHODS

ROWS = [
    "outlier-gradient", "outlier-gradient[detector=l1,layers=all]", "grand", "grand[checkpoints=all]", "loss", "el2n",
    "el2n[checkpoints=all]", "margin", "tracin", "tracin[layers=all]", "tracin-self[layers=all]", "datainf[layers=all]",
    "datainf", "ekfac[layers=all]", "influence-exact", "influence-self[curvature=ggn]", "random",
]  # fmt: skip


def forward_rows(model, work):
    """The number of rows that go through the model during the work, and the result of the work."""
    rows = []
    hook = model.register_forward_hook(lambda _, x, __: rows.append(len(x[0])))
    result = work()
    hook.remove()
    return sum(rows), result


def test_scores_are_those_of_each_method_alone():
    problem, _ = planted()
    together = ib.score(ROWS, problem)
    assert list(together) == ROWS
    for row, scores in together.items():
        method, given = METHODS.parse(row)
        np.testing.assert_allclose(scores, ib.score(method.name, problem, **given), rtol=1e-4, atol=1e-6, err_msg=row)


def test_scores_are_those_of_each_method_alone_on_images():
    problem = problem_of(*CLOSED["residual"])
    rows = ["outlier-gradient[layers=all]", "outlier-gradient", "loss", "grand", "datainf[layers=all]"]
    for row, scores in ib.score(rows, problem).items():
        method, given = METHODS.parse(row)
        np.testing.assert_allclose(scores, ib.score(method.name, problem, **given), rtol=1e-9, err_msg=row)


def test_methods_that_need_the_same_pass_share_it():
    problem, _ = planted()
    n, extra = len(problem.train), 10  # rows that the search for the last layer needs

    def rows(*names):
        ib.score(list(names), problem)  # what is found out about the model is known from then on
        return forward_rows(problem.model, lambda: ib.score(list(names), problem))[0]

    assert n <= rows("loss") <= n
    assert rows("loss", "el2n", "margin", "self-confidence") <= n
    assert rows("loss", "outlier-gradient", "outlier-gradient[detector=l2]") <= n + extra
    assert rows("grand", "loss", "outlier-gradient[layers=all]", "outlier-gradient") <= n + extra
    assert rows("tracin-self[layers=all]", "grand[checkpoints=all]", "el2n[checkpoints=all]") <= 4 * (n + extra)
    # A method that starts with the validation rows meets the others at the training rows.
    assert rows("tracin[layers=all]", "tracin-self[layers=all]") <= 4 * (n + len(problem.valid) + extra)


def test_the_same_bits_come_every_time():
    problem, _ = planted()
    first, second = (ib.score(ROWS, problem) for _ in range(2))
    assert all(np.array_equal(first[row], second[row]) for row in ROWS)


def test_an_error_of_a_method_is_raised_when_the_others_are_done(monkeypatch, own_methods):
    problem, _ = planted()

    @ib.method(family="control", paper="none")
    def fails_late(problem):
        problem.outputs()
        raise KeyError("on purpose")

    with pytest.raises(KeyError, match="on purpose"):
        ib.score(["loss", "fails-late", "el2n"], problem)
    assert ib.score(["loss", "el2n"], problem)["loss"].shape == (len(problem.train),)


def test_a_pass_that_a_method_cannot_use_still_serves_the_others():
    class Scaled(nn.Module):
        """The factor after the last layer makes it no head, which the first batch reveals."""

        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 3)

        def forward(self, x):
            return 2 * self.fc(x)

    problem, _ = planted()
    other = ib.Problem(Scaled(), problem.train)
    together = ib.score(["loss", "outlier-gradient[detector=l2]"], other)
    np.testing.assert_allclose(together["loss"], ib.score("loss", other))
    np.testing.assert_allclose(
        together["outlier-gradient[detector=l2]"], ib.score("grand", other, layers="all") ** 2, rtol=1e-5
    )


def test_hyperparameters_go_with_the_names():
    problem, _ = planted()
    with pytest.raises(ib.InputError, match="go with their names"):
        ib.score(["loss", "el2n"], problem, checkpoints="all")
    with pytest.raises(ib.InputError, match="did you mean"):
        ib.score(["loss", "el3n"], problem)


def test_calls_that_need_no_pass_simply_return():
    assert side_by_side([lambda: 1, lambda: 2]) == [1, 2]
    assert side_by_side([]) == []


def test_an_output_that_is_changed_in_place_after_the_last_layer_is_no_head():
    class Doubled(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.fc = nn.Linear(2, 4), nn.Linear(4, 3)

        def forward(self, x):
            return self.fc(torch.tanh(self.first(x))).mul_(2)

    problem, _ = planted()
    other = ib.Problem(Doubled(), problem.train)
    last = ib.score("outlier-gradient", other, detector="l2")
    by_name = ib.score("outlier-gradient", other, detector="l2", layers=["fc", "nothing"])
    np.testing.assert_allclose(last, by_name, rtol=1e-5)
    error = (2 * other.model.fc(torch.tanh(other.model.first(other.train.x)))).softmax(1)
    error[torch.arange(len(error)), other.train.y] -= 1
    h = torch.tanh(other.model.first(other.train.x))
    expected = 4 * error.square().sum(1) * (h.square().sum(1) + 1)
    np.testing.assert_allclose(last, expected.detach(), rtol=1e-4)
