"""Gradient tracing against its definitions, computed densely in float64."""

import pytest
import torch
from oracle import Oracle, close
from torch import nn

import influence_bench as ib
from influence_bench.bench.registry.method import find_method

AGAINST = ["validation", "classes", "training"]


@pytest.fixture(scope="module", params=[(torch.float64, 1e-6), (torch.float32, 1e-3)], ids=["float64", "float32"])
def case(request):
    dtype, rtol = request.param
    return Oracle(dtype), rtol


def unit(rows, dim):
    return rows / rows.norm(dim=dim, keepdim=True)


@pytest.mark.parametrize("against", AGAINST)
def test_products_and_cosines_at_one_checkpoint_are_their_definitions(case, against):
    oracle, rtol = case
    g, v = oracle.gradients("train"), oracle.queries(against)
    more = {"layers": "all", "against": against}
    close(ib.score("grad-dot", oracle.problem, **more), -(g @ v).amin(1), rtol)
    close(ib.score("grad-cos", oracle.problem, **more), -(unit(g, 1) @ unit(v, 0)).amin(1), rtol)


@pytest.mark.parametrize("against", AGAINST)
def test_tracin_and_gas_are_their_sums_over_the_checkpoints(case, against):
    oracle, rtol = case
    dots, cosines = 0, 0
    for k, rate in enumerate(oracle.rates):
        g, v = oracle.gradients("train", k), oracle.queries(against, k)
        dots = dots + rate * g @ v
        cosines = cosines + rate * unit(g, 1) @ unit(v, 0)
    more = {"layers": "all", "against": against}
    close(ib.score("tracin", oracle.problem, **more), -dots.amin(1), rtol)
    close(ib.score("gas", oracle.problem, **more), -cosines.amin(1), rtol)


def test_tracin_self_and_less_are_their_definitions(case):
    oracle, rtol = case
    squares, cosines = 0, 0
    for k, rate in enumerate(oracle.rates):
        g, v = oracle.gradients("train", k), oracle.gradients("valid", k)
        squares = squares + rate * g.square().sum(1)
        cosines = cosines + rate / sum(oracle.rates) * (unit(g, 1) @ unit(v, 1).T).mean(1)
    close(ib.score("tracin-self", oracle.problem, layers="all"), squares, rtol)
    close(ib.score("less", oracle.problem, layers="all"), -cosines, rtol)


def test_the_last_layer_counts_with_its_bias(case):
    oracle, rtol = case
    g, v = oracle.gradients("train")[:, -27:], oracle.queries("validation")[-27:]
    close(ib.score("grad-dot", oracle.problem), -(g @ v)[:, 0], rtol)


def test_wrong_labels_look_helpful_against_the_training_rows_that_they_dominate(case):
    oracle, _ = case
    auc = {a: ib.evaluate(ib.score("grad-dot", oracle.problem, against=a), oracle.is_noisy)["roc_auc"] for a in AGAINST}
    assert auc["training"] < 0.5 < 0.8 < min(auc["validation"], auc["classes"])


def test_against_the_training_rows_no_validation_rows_are_needed(case):
    problem = case[0].problem
    assert find_method("grad-dot").uses_with({"against": "training"}) == frozenset()
    bare = ib.Problem(problem.model, problem.train)
    assert ib.score("grad-dot", bare, against="training").shape == (300,)
    with pytest.raises(ib.InputError, match="needs validation rows"):
        ib.score("grad-dot", bare)


def test_classes_need_labels_that_are_classes():
    x, y = torch.randn(5, 2), torch.randn(5, 1)
    regression = ib.Problem(nn.Linear(2, 1), (x, y), (x, y), loss=nn.MSELoss())
    assert ib.score("grad-dot", regression).shape == (5,)
    with pytest.raises(ib.InputError, match="against=classes needs class indices"):
        ib.score("grad-dot", regression, against="classes")
