"""Pairwise influences against their dense definitions, and their way through metrics, suites and results."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import naive
from scipy.stats import spearmanr
from sklearn.ensemble import IsolationForest

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.bench.registry.method import METHODS
from influence_bench.bench.run import suite
from influence_bench.methods.gradients.space import gradient_space


@pytest.fixture(scope="module")
def small():
    """A trained network in float64 and the flat gradients of training and validation rows, by autograd."""
    problem, _ = planted()
    checkpoints = [(checkpoint.state, checkpoint.learning_rate) for checkpoint in problem.checkpoints]
    problem = ib.Problem(problem.model.double(), problem.train, problem.valid, checkpoints, batch_size=32)
    return problem, *gradients(problem)


def gradients(problem):
    names = list(gradient_space(problem, "all").parameters)
    return (naive(problem, rows, names).numpy() for rows in (problem.train, problem.valid))


@pytest.mark.parametrize("memory_budget", [2**30, 2**18])
def test_inner_products_and_cosines(small, memory_budget):
    problem, train, valid = small
    problem = replace(problem, memory_budget=memory_budget)
    np.testing.assert_allclose(ib.score("pairwise-dot", problem, layers="all"), train @ valid.T, rtol=1e-7, atol=1e-9)
    unit_train, unit_valid = (g / np.linalg.norm(g, axis=1, keepdims=True) for g in (train, valid))
    cosines = ib.score("pairwise-cosine", problem, layers="all")
    np.testing.assert_allclose(cosines, unit_train @ unit_valid.T, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["tracin", "datainf"])
def test_the_mean_over_validation_rows_is_the_harm_turned_round(small, name):
    problem, *_ = small
    for layers in ("last", "all"):
        pairs = ib.score(f"pairwise-{name}", problem, layers=layers)
        np.testing.assert_allclose(-pairs.mean(1), ib.score(name, problem, layers=layers), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["dot", "cosine", "tracin", "datainf"])
def test_pooled_influence_is_the_mean_over_rows_of_a_kind(small, name):
    problem, *_ = small
    problem = replace(problem, groups=problem.train.y)
    own, pooled = (ib.score(f"pairwise-{name}", problem, pooled=pooled) for pooled in ("none", "groups"))
    for kind in range(3):
        rows = problem.train.y.numpy() == kind
        np.testing.assert_allclose(pooled[rows], np.tile(own[rows].mean(0), (rows.sum(), 1)), rtol=1e-9, atol=1e-12)


def test_the_papers_protocol_scores_a_row_by_the_forest_of_its_class(small):
    problem, train, valid = small
    y, order = problem.train.y.numpy(), problem.sampling_order().numpy()
    scores = ib.score("pairwise-outlier-gradient-paper", replace(problem, groups=problem.train.y), layers="all")
    for kind in range(3):
        forest = IsolationForest(random_state=0).fit(train[order[y[order] == kind]])
        rows = scores[y == kind]
        assert spearmanr(rows[0], forest.score_samples(valid)).statistic > 0.99
        assert (rows == rows[0]).all()


def test_without_the_classes_the_forests_are_those_of_clusters(small):
    problem, train, _ = small
    scores = ib.score("pairwise-outlier-gradient", problem, clusters=2, layers="all")
    alike = np.unique(scores, axis=0, return_inverse=True)[1]
    directions = train / np.linalg.norm(train, axis=1, keepdims=True)
    centres = np.stack([directions[alike == one].mean(0) for one in range(2)])
    nearest = np.square(directions[:, None] - centres).sum(2).argmin(1)
    assert np.array_equal(nearest, alike)  # k-means is at rest
    with pytest.raises(ib.InputError, match="clusters=0 does not fit"):
        ib.score("pairwise-outlier-gradient", problem, clusters=0)


def test_the_kinds_of_rows_are_told_to_those_alone_that_declare_them(small):
    problem, *_ = small
    told = replace(problem, groups=problem.train.y)
    assert "groups" in METHODS.parse("pairwise-dot[pooled=groups]")[0].uses_with({"pooled": "groups"})
    assert "groups" not in METHODS.parse("pairwise-dot")[0].uses_with({})
    assert told.only(frozenset({"validation"})).groups is None
    assert torch.equal(told.on(torch.tensor([5, 3])).known_groups, problem.train.y[[5, 3]])
    with pytest.raises(ib.InputError, match="needs the kinds of the training rows"):
        ib.score("pairwise-dot", problem, pooled="groups")
    with pytest.raises(ib.InputError, match="groups: 2 rows, but 300 in train"):
        replace(problem, groups=torch.zeros(2))


def test_metrics_of_a_matrix_are_means_over_its_columns():
    scores, truth = np.random.default_rng(0).random((2, 30, 4))
    columns = [ib.evaluate(s, t) for s, t in zip(scores.T, truth.T > 0.5, strict=True)]
    whole = ib.evaluate(scores, truth > 0.5)
    assert whole == pytest.approx({name: np.mean([column[name] for column in columns]) for name in whole})


def test_scores_of_another_shape_are_refused(small):
    with pytest.raises(ib.InputError, match="one matrix each"):
        ib.evaluate(np.zeros((3, 2)), np.zeros(3, bool))


def read(tmp_path, methods, datasets):
    file = tmp_path / "own.toml"
    problems = "".join(f'[[problems]]\ndataset = "{name}"\nmodel = "causal-lm"\n' for name in datasets)
    file.write_text(f"methods = {methods}\n{problems}".replace("'", '"'))
    return suite.read(file).cells()


def test_pairwise_methods_meet_prompts_and_the_others_labelled_rows(tmp_path):
    cells = read(tmp_path, ["*"], ["digits", "math-with-reasoning"])
    met = {(cell.problem.dataset, cell.method.startswith("pairwise-")) for cell in cells}
    assert met == {("digits", False), ("math-with-reasoning", True)}


def test_a_pattern_with_a_mark_leaves_out_what_it_matches(tmp_path):
    labels = {cell.label for cell in read(tmp_path, ["*", "!*-shapley", "!loss", "loss"], ["digits"])}
    assert {"el2n", "loss"} <= labels  # loss was asked for by name
    assert not any(label.endswith("-shapley") for label in labels)


@pytest.mark.parametrize(
    ("method", "dataset", "said"),
    [
        ("pairwise-dot", "digits", "pairwise-dot is for datasets of prompts with answers"),
        ("loss", "math-with-reasoning", "loss is for datasets of labelled rows"),
    ],
)
def test_a_named_method_that_fits_no_dataset_is_refused(tmp_path, method, dataset, said):
    with pytest.raises(ib.InputError, match=said):
        read(tmp_path, [method], [dataset])


def test_validation_rows_are_needed():
    problem, _ = planted()
    assert ib.score("pairwise-random", problem).shape == (300, 40)
    with pytest.raises(ib.InputError, match="needs validation rows"):
        ib.score("pairwise-random", ib.Problem(problem.model, problem.train))
