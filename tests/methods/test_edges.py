"""Known pitfalls of influence libraries, for every method that traces gradients or inverts a curvature."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import CLOSED, images, problem_of
from odd_rows import certain
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.bench.registry.method import METHODS

TRACING = {
    name: method
    for name, method in METHODS.all().items()
    if method.family in ("gradient tracing", "influence function") and "layers" in method.arguments
}
UNTRAINED = {"lissa": {"damping": 1.0, "steps": 50}}
"""Hyperparameters for random networks, whose curvature has negative eigenvalues: less damping makes LiSSA diverge."""
WITH_VALIDATION = [name for name, method in TRACING.items() if "validation" in method.uses]


def scored(name, problem, **given):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ib.NotConverged)
        return ib.score(name, problem, **given)


@pytest.mark.parametrize("name", TRACING)
def test_a_sample_without_a_gradient_has_a_score(name):
    layer, x, y = certain()
    scores = scored(name, ib.Problem(layer, (x, y), (x[:9], y[:9])))
    assert scores[-1] == 0
    assert len(set(scores)) == len(scores)


@pytest.mark.parametrize("name", [name for name in WITH_VALIDATION if name != "trak"])  # whose queries are log-odds
def test_if_the_validation_rows_have_no_gradient_every_score_is_zero(name):
    layer, x, y = certain()
    assert not scored(name, ib.Problem(layer, (x, y), (x[-1:], y[-1:]))).any()


@pytest.mark.parametrize("name", TRACING)
def test_equal_rows_have_equal_scores(name):
    problem, _ = planted()
    twice = problem.train[torch.arange(60).repeat(2)]
    scores = scored(name, ib.Problem(problem.model, twice, problem.valid, problem.checkpoints))
    np.testing.assert_allclose(scores[:60], scores[60:], rtol=1e-4, atol=1e-6 * np.abs(scores).max())


@pytest.mark.parametrize("name", TRACING)
def test_a_single_checkpoint_and_a_single_row_are_enough(name):
    problem, _ = planted()
    single = ib.Problem(problem.model, problem.train[:1], problem.valid[:1])
    assert scored(name, single).shape == (1,)


@pytest.mark.parametrize("name", WITH_VALIDATION)
def test_an_empty_validation_split_is_refused_in_one_line(name):
    problem, _ = planted()
    with pytest.raises(ib.InputError, match="needs validation rows: give trusted valid=") as caught:
        ib.score(name, replace(problem, valid=problem.valid[:0]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", TRACING)
@pytest.mark.filterwarnings("ignore::influence_bench.FunctionalFallback")
def test_a_model_in_training_mode_gets_the_scores_of_evaluation_mode(name):
    problem = problem_of(lambda: images(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.5)), (2, 6, 6))
    more = {"layers": "all", **UNTRAINED.get(name, {})}
    evaluating = scored(name, problem, **more)
    problem.model.train()
    assert np.array_equal(scored(name, problem, **more), evaluating)
    assert all(module.training for module in problem.model.modules())


@pytest.mark.parametrize("name", TRACING)
def test_tied_weights_count_once_with_all_their_uses(name):
    problem = problem_of(*CLOSED["tied"])
    assert len(set(scored(name, problem, layers="all", **UNTRAINED.get(name, {})))) == len(problem.train)


@pytest.mark.parametrize("name", [name for name in TRACING if "damping" in TRACING[name].arguments])
def test_damping_has_a_default_and_a_negative_one_is_refused(name):
    assert TRACING[name].arguments["damping"].default > 0
    with pytest.raises(ib.InputError, match="damping"):
        scored(name, planted()[0], damping=-1.0)
