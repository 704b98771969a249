"""Rows that can break methods for outliers: not finite, equal, without a gradient, or alone in their class."""

import numpy as np
import pytest
import torch
from odd_rows import with_an_overflow
from scipy.stats import spearmanr
from torch import nn

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted

PYOD = [f"outlier-gradient[detector={name}]" for name in ("ecod", "copod", "hbos", "knn", "lof", "ocsvm")]
ROWS = [
    "outlier-gradient",
    "outlier-gradient[layers=all]",
    "outlier-gradient[checkpoints=all]",
    "outlier-gradient[detector=l1]",
    "outlier-gradient[detector=l2,layers=all]",
    "outlier-gradient-paper",
    "outlier-gradient-paper[detector=l1]",
    "sever",
    "sever[layers=all]",
    "spectral-signatures",
    "crust",
    "aggregate",
    "aggregate[rule=vote]",
    *PYOD,
]


def scored(row, problem):
    if "detector=" in row and row in PYOD:
        pytest.importorskip("pyod")
    return ib.score([row], problem)[row]


class Root(nn.Module):
    """A network with a square root of its first input: at 0 its outputs are finite, its gradient is not."""

    def __init__(self, inner):
        super().__init__()
        self.scale, self.inner = nn.Parameter(torch.ones(1)), inner

    def forward(self, x):
        return self.inner(torch.cat([(self.scale * x[:, :1].abs()).sqrt(), x[:, 1:]], 1))


@pytest.mark.parametrize("row", ROWS)
def test_a_row_whose_outputs_overflow_ranks_first_with_a_note_and_spoils_no_other(row):
    problem, _ = planted()
    others = torch.arange(300) != 7
    whole = ib.Problem(problem.model, problem.train[others], checkpoints=problem.checkpoints)
    with pytest.warns(ib.NotFinite, match=r"no finite score for 1 of 300 rows, the first being row 7"):
        scores = scored(row, with_an_overflow(problem))
    assert scores.argmax() == 7
    assert spearmanr(scores[others.numpy()], scored(row, whole)).statistic > 0.995


@pytest.mark.parametrize(
    "row", ["outlier-gradient", "outlier-gradient[detector=l2]", "outlier-gradient[detector=ecod]", "sever"]
)
def test_a_row_whose_gradient_alone_is_not_finite_ranks_first(row):
    torch.manual_seed(0)
    x, y = torch.randn(40, 3), torch.arange(40) % 2
    x[5, 0] = 0
    problem = ib.Problem(Root(nn.Linear(3, 2)), train=(x, y))
    name, _, given = row.partition("[")
    detector = {"detector": given[9:-1]} if given else {}
    if "ecod" in row:
        pytest.importorskip("pyod")
    with pytest.warns(ib.NotFinite, match="row 5"):
        scores = ib.score(name, problem, layers="all", **detector)
    assert scores.argmax() == 5
    assert np.isfinite(scores).all()


def test_if_a_mean_makes_every_score_nan_the_losses_show_which_row_is_to_blame():
    with pytest.warns(ib.NotFinite, match="row 7"):
        assert ib.score("datainf", with_an_overflow(planted()[0])).argmax() == 7


@pytest.mark.parametrize("row", ROWS)
def test_equal_rows_get_equal_scores(row):
    problem, _ = planted()
    twice = problem.train[torch.cat([torch.arange(300), torch.arange(60)])]
    scores = scored(row, ib.Problem(problem.model, twice))
    spread = scores.max() - scores.min()
    np.testing.assert_allclose(scores[:60], scores[300:], atol=0.03 * spread)  # ranks follow roundings


@pytest.mark.parametrize("row", ROWS)
def test_a_row_without_a_gradient_and_constant_columns_get_finite_scores(row):
    problem, _ = planted()
    model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3))
    model.load_state_dict({k.replace("3.", "2."): v for k, v in problem.model.state_dict().items()})
    with torch.no_grad():
        model[0].weight[:4], model[0].bias[:4] = 0, -1  # units that are never active
        x = problem.train.x.clone()
        x[3] = 1000 * x[problem.train.y == problem.train.y[3]].mean(0)
        y = problem.train.y.clone()
        y[3] = model(x[3:4]).argmax()
    problem = ib.Problem(model, train=(x, y))
    assert ib.score("grand", problem)[3] == 0
    assert np.isfinite(scored(row, problem)).all()


def test_rows_on_which_a_pyod_detector_gives_no_finite_scores_are_refused():
    pytest.importorskip("pyod")
    same = ib.Problem(nn.Linear(2, 3), train=(torch.ones(30, 2), torch.zeros(30).long()))
    with pytest.raises(ib.InputError, match="PyOD's detector pca gives scores that are not finite"):
        ib.score("outlier-gradient", same, detector="pca")


@pytest.mark.parametrize("row", ROWS)
def test_a_class_with_a_single_sample_gets_finite_scores(row):
    problem, _ = planted()
    few = problem.train[torch.cat([(problem.train.y == 0).nonzero()[:, 0], (problem.train.y == 2).nonzero()[:1, 0]])]
    assert np.isfinite(scored(row, ib.Problem(problem.model, few))).all()
