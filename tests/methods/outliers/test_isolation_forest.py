"""The isolation forest by coordinates, against scikit-learn's on the whole matrix of gradients."""

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
from influence_bench.methods.outliers import isolation_forest as forests
from influence_bench.methods.outliers.isolation_forest import Forest, average_path_length, isolation_forest


def in_heap_order(fitted):
    """A forest that scikit-learn has grown, in our form."""
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
            node, place, level = todo.pop()
            if tree.children_left[node] >= 0:
                forest.coordinate[number, place] = int(tree.feature[node])
                forest.threshold[number, place] = tree.threshold[node]
                todo += [
                    (tree.children_left[node], 2 * place + 1, level + 1),
                    (tree.children_right[node], 2 * place + 2, level + 1),
                ]
                continue
            leaf = place
            for _ in range(depth - level):
                leaf = 2 * leaf + 1
            rows = torch.tensor(int(tree.n_node_samples[node]))
            forest.length[number, leaf - inner] = level + float(average_path_length(rows))
    return forest


@pytest.mark.parametrize("layers", ["last", "all"])
def test_with_every_coordinate_kept_the_scores_are_identical_to_scikit_learns(layers):
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
    for one, other in zip(ours.T, theirs.T, strict=True):
        assert ks_2samp(one, other).pvalue > 0.01
        assert one.std() == pytest.approx(other.std(), rel=0.25)


@pytest.mark.parametrize("kind", ["mlp", "many positions, narrow", "residual"])
def test_a_second_pass_under_a_tight_memory_budget_gives_the_same_scores(kind, monkeypatch):
    problem = problem_of(*CLOSED[kind])
    space, order = gradient_space(problem, "all"), problem.sampling_order()
    tables = []
    plain = forests._table
    monkeypatch.setattr(forests, "_table", lambda *args: tables.append(1) or plain(*args))
    at_once = isolation_forest(space.train, order, 20, 0)
    assert not tables
    object.__setattr__(space.problem, "memory_budget", 4 * space.plan.bytes_per_row)
    np.testing.assert_allclose(isolation_forest(space.train, order, 20, 0), at_once)
    assert tables


def test_trees_are_grown_on_some_rows_and_score_them_all():
    torch.manual_seed(0)
    x, y = torch.randn(6000, 3), torch.randint(2, (6000,))
    x[5999] = 50
    problem = ib.Problem(nn.Linear(3, 2), train=(x, y))
    scores = isolation_forest(gradient_space(problem, "all").train, torch.arange(6000), 10, 0)
    assert scores.shape == (6000,)
    assert (scores > scores[5999]).sum() < 3


def test_no_gradient_is_formed_where_each_is_an_outer_product(monkeypatch):
    space = gradient_space(problem_of(*CLOSED["mlp"]), "all")
    space.plan  # noqa: B018 - which forms two gradients to hold them against autograd
    monkeypatch.setattr(Outer, "formed", lambda self: 1 / 0)
    isolation_forest(space.train, torch.arange(23), 300, 0)


def test_rows_with_equal_gradients_get_equal_scores():
    x = torch.cat([torch.ones(30, 4), torch.randn(10, 4)])
    problem = ib.Problem(nn.Linear(4, 3), train=(x, torch.tensor([0] * 30 + [1] * 10)))
    scores = ib.score("outlier-gradient", problem)
    assert len(set(scores[:30])) == 1
    assert scores[30:].min() > scores[0]


def test_a_forest_where_nothing_differs_scores_all_rows_alike():
    problem = ib.Problem(nn.Linear(4, 3), train=(torch.ones(9, 4), torch.zeros(9).long()))
    assert len(set(ib.score("outlier-gradient", problem))) == 1
    one_row = ib.Problem(nn.Linear(4, 3), train=(torch.ones(1, 4), torch.zeros(1).long()))
    assert np.isfinite(ib.score("outlier-gradient", one_row)).all()


def test_the_scale_of_the_gradients_does_not_matter():
    problem, _ = planted()
    tiny = ib.Problem(
        problem.model, problem.train, loss=lambda z, y: 2.0**-60 * nn.functional.cross_entropy(z, y)
    )  # scikit-learn takes values within 1e-7 of each other for equal
    np.testing.assert_allclose(ib.score("outlier-gradient", tiny), ib.score("outlier-gradient", problem))


def test_where_most_coordinates_are_constant_trees_draw_more_of_them(monkeypatch):
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.fc = nn.Embedding(3000, 2), nn.Linear(2, 3)

        def forward(self, x):
            return self.fc(self.embed(x).mean(1))

    torch.manual_seed(0)
    problem = ib.Problem(Words(), train=(torch.randint(40, (50, 6)), torch.randint(3, (50,))))
    draws = []
    plain = forests._grown_and_scored
    monkeypatch.setattr(forests, "_grown_and_scored", lambda g, s, d, r: draws.append(d.shape[1]) or plain(g, s, d, r))
    scores = ib.score("outlier-gradient", problem, layers="all")
    assert draws[:2] == [256, 512]
    assert len(set(scores)) > 40
