"""The isolation forest on a few coordinates compared with scikit-learn's on the whole gradient matrix."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import CLOSED, problem_of
from scipy.stats import ks_2samp
from sklearn.ensemble import IsolationForest
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.methods.gradients.forms.outer import Outer
from influence_bench.methods.gradients.reduction import Narrowed
from influence_bench.methods.gradients.space import gradient_space
from influence_bench.methods.outliers.isolation_forest import Forest, average_path_length, isolation_forest


def in_heap_order(fitted):
    """A forest that scikit-learn has grown, as our `Forest`."""
    depth = int(np.ceil(np.log2(fitted.max_samples_)))
    inner = 2**depth - 1
    shape = (len(fitted.estimators_), inner)
    forest = Forest(
        torch.zeros(shape, dtype=torch.int64), torch.full(shape, torch.inf, dtype=torch.float64),
        torch.zeros(shape[0], inner + 1, dtype=torch.float64), fitted.max_samples_,
    )  # fmt: skip
    for number, estimator in enumerate(fitted.estimators_):
        tree, todo = estimator.tree_, [(0, 0, 0)]
        while todo:
            node, position, level = todo.pop()
            if tree.children_left[node] >= 0:
                forest.coordinate[number, position] = int(tree.feature[node])
                forest.threshold[number, position] = tree.threshold[node]
                todo += [
                    (tree.children_left[node], 2 * position + 1, level + 1),
                    (tree.children_right[node], 2 * position + 2, level + 1),
                ]
                continue
            leaf = position
            for _ in range(depth - level):
                leaf = 2 * leaf + 1
            rows = torch.tensor(int(tree.n_node_samples[node]))
            forest.length[number, leaf - inner] = level + float(average_path_length(rows))
    return forest


@contextmanager
def counted_rows(model):
    """A list with the number of rows in each batch that goes through the model."""
    rows = []
    hook = model.register_forward_hook(lambda _, x, __: rows.append(len(x[0])))
    yield rows
    hook.remove()


@pytest.mark.parametrize("layers", ["last", "all"])
def test_if_every_coordinate_is_kept_the_scores_are_those_of_scikit_learn(layers):
    space = gradient_space(planted()[0], layers)
    matrix = space.train.matrix().numpy()
    fitted = IsolationForest(n_estimators=20, random_state=0).fit(matrix)
    every = Narrowed(torch.arange(space.size), space.train.layout)
    rows, forest = space.train.reduce(every)[0], in_heap_order(fitted)
    ours = forest.scores(rows, every.factors(forest.coordinate))
    np.testing.assert_allclose(ours.numpy(), -fitted.score_samples(matrix), rtol=1e-12)


@pytest.mark.parametrize("layers", ["last", "all"])
def test_scores_have_the_distribution_of_scikit_learns_over_seeds(layers):
    problem, _ = planted()
    space, order = gradient_space(problem, layers), problem.sampling_order()
    matrix, seeds, rows = space.train.matrix().numpy(), range(600), [0, 40, 99, 200]
    ours = np.array([isolation_forest(space.train, order, 5, seed)[rows] for seed in seeds])
    theirs = [IsolationForest(n_estimators=5, random_state=seed).fit(matrix) for seed in seeds]
    theirs = np.array([-fitted.score_samples(matrix[rows]) for fitted in theirs])
    for our_row, their_row in zip(ours.T, theirs.T, strict=True):
        assert ks_2samp(our_row, their_row).pvalue > 0.01
        assert our_row.std() == pytest.approx(their_row.std(), rel=0.25)


@pytest.mark.parametrize("kind", ["mlp", "many positions, narrow", "residual"])
def test_a_second_pass_under_a_tight_memory_budget_gives_the_same_scores(kind):
    generous = problem_of(*CLOSED[kind])
    tight = replace(generous, memory_budget=4 * gradient_space(generous, "all").plan.bytes_per_row)
    scores = []
    for problem, passes in ((generous, 1), (tight, 2)):
        space = gradient_space(problem, "all")
        assert not space.plan.reasons  # planning runs the model too
        with counted_rows(problem.model) as rows:
            scores.append(isolation_forest(space.train, problem.sampling_order(), 20, 0))
        assert sum(rows) == passes * len(problem.train)
    np.testing.assert_allclose(*scores)


def test_trees_grow_on_a_sample_of_the_rows_and_score_them_all():
    torch.manual_seed(0)
    x, y = torch.randn(6000, 3), torch.randint(2, (6000,))
    x[5999] = 50
    problem = ib.Problem(nn.Linear(3, 2), train=(x, y))
    scores = isolation_forest(gradient_space(problem, "all").train, torch.arange(6000), 10, 0)
    assert scores.shape == (6000,)
    assert (scores > scores[5999]).sum() < 3


def test_no_gradient_is_formed_if_each_is_an_outer_product(monkeypatch):
    space = gradient_space(problem_of(*CLOSED["mlp"]), "all")
    assert not space.plan.reasons  # planning may form gradients
    monkeypatch.setattr(Outer, "formed", lambda self: 1 / 0)
    isolation_forest(space.train, torch.arange(23), 300, 0)


def test_rows_with_equal_gradients_get_equal_scores():
    x = torch.cat([torch.ones(30, 4), torch.randn(10, 4)])
    problem = ib.Problem(nn.Linear(4, 3), train=(x, torch.tensor([0] * 30 + [1] * 10)))
    scores = ib.score("outlier-gradient", problem)
    assert len(set(scores[:30])) == 1
    assert scores[30:].min() > scores[0]


def test_equal_rows_or_a_single_row_get_a_score():
    problem = ib.Problem(nn.Linear(4, 3), train=(torch.ones(9, 4), torch.zeros(9).long()))
    assert len(set(ib.score("outlier-gradient", problem))) == 1
    single = ib.Problem(nn.Linear(4, 3), train=(torch.ones(1, 4), torch.zeros(1).long()))
    assert np.isfinite(ib.score("outlier-gradient", single)).all()


def test_the_scale_of_the_gradients_does_not_matter():
    problem, _ = planted()
    tiny = ib.Problem(
        problem.model, problem.train, loss=lambda z, y: 2.0**-60 * nn.functional.cross_entropy(z, y)
    )  # scikit-learn treats values within 1e-7 of each other as equal
    np.testing.assert_allclose(ib.score("outlier-gradient", tiny), ib.score("outlier-gradient", problem))


def test_trees_draw_more_coordinates_if_most_are_constant():
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.fc = nn.Embedding(3000, 2), nn.Linear(2, 3)

        def forward(self, x):
            return self.fc(self.embed(x).mean(1))

    torch.manual_seed(0)
    problem = ib.Problem(Words(), train=(torch.randint(40, (50, 6)), torch.randint(3, (50,))))
    space = gradient_space(problem, "all")
    assert not space.plan.reasons  # planning runs the model too
    with counted_rows(problem.model) as rows:
        scores = isolation_forest(space.train, problem.sampling_order(), 100, 0)
    assert sum(rows) > len(problem.train)  # a pass for each set of draws
    assert len(set(scores)) > 40
