"""Methods by name: what a name asks for, how a row of the leaderboard is written, and which names are refused."""

import numpy as np
import pytest
import torch
from torch import nn

import influence_bench as ib
from influence_bench.bench.registry.method import METHODS


def test_an_unknown_name_is_refused_with_the_nearest_names():
    problem = ib.Problem(nn.Linear(3, 2), train=(torch.randn(20, 3), torch.arange(20) % 2))
    with pytest.raises(ib.InputError, match="no method 'trasin': did you mean tracin"):
        ib.score("trasin", problem)
    with pytest.raises(ib.InputError, match="no hyperparameter of outlier-gradient 'detectr': did you mean detector"):
        ib.score("outlier-gradient", problem, detectr="l1")
    with pytest.raises(ib.InputError, match="there is no detector 'l3': did you mean"):
        ib.score("outlier-gradient", problem, detector="l3")


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
