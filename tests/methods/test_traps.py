"""Problems that can break a method, for methods of every family.

A row that is not finite, a class with few rows, a single checkpoint, a model in training mode, the last layer's bias,
equal rows, a row without a gradient, an empty validation split. Influence and tracing methods have more tests in
test_edges.py, outlier methods in outliers/test_outlier_traps.py.
"""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import images, problem_of
from odd_rows import certain, with_an_overflow
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.bench.registry.method import METHODS

QUICK = {
    "banzhaf": {"evaluations": 400},
    "beta-shapley": {"evaluations": 3000},
    "tmc-shapley": {"evaluations": 3000},
    "data-oob": {"trees": 20},
    "cleanlab": {"folds": 2},
    "confident-learning": {"folds": 2},
    "el2n-retrained": {"initialisations": 1},
    "grand-retrained": {"initialisations": 1},
    "lissa": {"steps": 50},
}
OUTLIERS = {"control", "outlier gradient", "aggregation"}  # outliers/test_outlier_traps.py
PEERS = "peer"  # peers/
TRACING = {"gradient tracing", "influence function"}  # test_edges.py
ALL = {name: method for name, method in METHODS.all().items() if method.family not in {*OUTLIERS, PEERS}}
OTHERS = {name: method for name, method in ALL.items() if method.family not in TRACING}
ON_ROWS = [name for name, method in OTHERS.items() if not {"retraining", "dynamics"} & method.uses]
SAMPLING = {"banzhaf", "beta-shapley", "tmc-shapley", "data-oob"}
"""Methods that draw rows at random, so that equal rows have different scores."""


def scored(name, problem, **given):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ib.NotConverged)
        return ib.score(name, problem, **(QUICK.get(name, {}) | given))


SCORED = [name for name in ALL if not {"retraining", "dynamics"} & ALL[name].uses and name != "vog"]
"""Without methods that refuse such rows, and without `vog`: the gradient of a logit is finite here."""


@pytest.mark.parametrize("name", [name for name in SCORED if not ALL[name].pairwise])
def test_a_row_that_is_not_finite_ranks_first_and_the_others_as_without_it(name):
    problem = with_an_overflow(planted()[0])
    with pytest.warns(ib.NotFinite, match="no finite score for 1 of 300 rows, the first being row 7"):
        scores = scored(name, problem)
    others = torch.arange(300) != 7
    assert scores.argmax() == 7
    np.testing.assert_array_equal(scores[others], scored(name, problem.on(others)))


@pytest.mark.parametrize("name", [name for name in SCORED if ALL[name].pairwise])
def test_a_row_that_is_not_finite_is_named_if_pairs_of_rows_are_scored(name):
    with pytest.raises(ValueError, match="no finite score for 1 of 300 rows, the first being row 7"):
        scored(name, with_an_overflow(planted()[0]))


@pytest.mark.parametrize("name", ALL)
def test_a_class_of_one_row_and_an_empty_class_get_finite_scores(name):
    problem, _ = planted()
    y = problem.train.y
    few = torch.cat([(y == 0).nonzero()[:60, 0], (y == 2).nonzero()[:1, 0]])
    scores = scored(name, problem.on(few))
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", [name for name in OTHERS if name != "vog"])
def test_a_single_checkpoint_is_enough(name):
    problem, _ = planted()
    assert np.isfinite(scored(name, replace(problem, checkpoints=()))).all()


@pytest.mark.parametrize("name", ON_ROWS)
@pytest.mark.filterwarnings("ignore::influence_bench.FunctionalFallback")
def test_a_model_in_training_mode_gets_the_scores_of_evaluation_mode(name):
    problem = problem_of(lambda: images(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.5)), (2, 6, 6))
    state = problem.model.state_dict()
    problem = replace(problem, checkpoints=[(state, 1.0), ({k: v + 0.1 for k, v in state.items()}, 1.0)])
    evaluating = scored(name, problem)
    problem.model.train()
    assert np.array_equal(scored(name, problem), evaluating)
    assert all(module.training for module in problem.model.modules())


@pytest.mark.parametrize("name", [name for name in ON_ROWS if name not in SAMPLING])
def test_equal_rows_have_equal_scores(name):
    problem, _ = planted()
    twice = replace(problem, train=problem.train[torch.arange(60).repeat(2)], dynamics=None, groups=None)
    scores = scored(name, twice)
    np.testing.assert_allclose(scores[:60], scores[60:], rtol=1e-4, atol=1e-6 * np.abs(scores).max())


@pytest.mark.parametrize("name", [name for name in OTHERS if "validation" in OTHERS[name].uses])
def test_an_empty_validation_split_is_refused_in_one_line(name):
    problem, _ = planted()
    with pytest.raises(ib.InputError, match="needs validation rows: give trusted valid=") as caught:
        scored(name, replace(problem, valid=problem.valid[:0]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["grand", "el2n", "loss", "self-confidence", "pairwise-dot", "pairwise-cosine",
                                  "pairwise-tracin", "pairwise-datainf"])  # fmt: skip
def test_a_row_without_a_gradient_scores_zero(name):
    layer, x, y = certain()
    scores = scored(name, ib.Problem(layer, (x, y), (x[:9], y[:9])))
    assert np.isfinite(scores).all()
    assert not scores[-1].any()


class WithOne(nn.Module):
    """Appends a 1 to the inputs."""

    def forward(self, x):
        return torch.cat([x, torch.ones_like(x[:, :1])], 1)


def bias_as_a_weight():
    """The planted problem, and the same problem with the last layer's bias as one more column of its weight."""
    problem, _ = planted()
    last = nn.Linear(9, 3, bias=False)
    with torch.no_grad():
        last.weight[:] = torch.cat([problem.model[3].weight, problem.model[3].bias[:, None]], 1)
    model = nn.Sequential(*problem.model[:3], WithOne(), last)
    return ib.Problem(problem.model, problem.train, problem.valid), ib.Problem(model, problem.train, problem.valid)


SIGNED = {"trak", "trak-self", "logra", "logra-self"}  # their random signs depend on the parameters' names
LAYERED = [name for name in ALL if "layers" in ALL[name].arguments and "retraining" not in ALL[name].uses]
LAYERED += ["outlier-gradient[detector=l1]", "outlier-gradient[detector=l2]", "sever"]


@pytest.mark.parametrize("row", [name for name in LAYERED if name not in SIGNED])
def test_the_last_layers_bias_counts_as_a_weight_of_it(row):
    method, given = METHODS.parse(row)
    first, second = (scored(method.name, problem, layers="last", **given) for problem in bias_as_a_weight())
    np.testing.assert_allclose(first, second, rtol=2e-3, atol=2e-3 * np.abs(first).max())


@pytest.mark.parametrize("name", [name for name in OTHERS if "damping" in OTHERS[name].arguments])
def test_a_negative_damping_is_refused(name):
    with pytest.raises(ib.InputError, match="damping"):
        scored(name, planted()[0], damping=-1.0)
