"""GraNd and EL2N over new initialisations, against their definitions."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted


@pytest.fixture
def problem():
    return planted()[0]


def early_model(problem, number, share=0.1):
    """The model of an initialisation after a share of its training."""
    return problem.retrained(problem.sampling_order(), problem.seed + number, share).model


def test_el2n_over_initialisations_is_the_mean_of_the_error_norms_of_new_models(problem):
    expected = []
    for number in (1, 2, 3):
        with torch.no_grad():
            p = early_model(problem, number)(problem.train.x).double().softmax(1)
        expected.append((p - nn.functional.one_hot(problem.train.y, 3)).norm(dim=1).numpy())
    scores = ib.score("el2n-retrained", problem, initialisations=3)
    np.testing.assert_allclose(scores, np.mean(expected, 0), atol=1e-12)


def test_grand_over_initialisations_is_the_mean_of_the_gradient_norms_of_new_models(problem):
    problem = problem.on(slice(40))
    expected = np.zeros(40)
    for number in (1, 2):
        model = early_model(problem, number, share=0.5).double()
        for row in range(40):
            loss = nn.functional.cross_entropy(model(problem.train.x[row : row + 1].double()), problem.train.y[[row]])
            gradients = torch.autograd.grad(loss, list(model.parameters()))
            expected[row] += sum(float(gradient.square().sum()) for gradient in gradients) ** 0.5 / 2
    scores = ib.score("grand-retrained", problem, initialisations=2, share=0.5)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)


@pytest.mark.parametrize("name", ["el2n-retrained", "grand-retrained"])
@pytest.mark.parametrize("given", [{"initialisations": 0}, {"share": 0.0}, {"share": 1.5}])
def test_numbers_out_of_range_are_refused(problem, name, given):
    with pytest.raises(ib.InputError, match="do not fit: give at least 1 initialisation, and a share"):
        ib.score(name, problem, **given)


def test_without_a_trainer_they_say_where_to_get_one(problem):
    with pytest.raises(ib.InputError, match="take the problem from prepare, or give trainer= to Problem"):
        ib.score("el2n-retrained", replace(problem, trainer=None))
