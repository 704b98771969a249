"""Models in half precision and in the channels-last format: scores stay close to those of the usual model."""

import copy
import warnings
from dataclasses import replace

import pytest
import torch
from networks import CLOSED, problem_of
from scipy.stats import spearmanr

import influence_bench as ib
from influence_bench.methods.gradients.reduction import WeightedSum
from influence_bench.methods.gradients.space import gradient_space

OWN = ib.methods().query("family not in ('control', 'peer')")["method"]
UNSTEADY = ("sever",)  # a rounding decides which rows it removes first, and so the scores of all others
ROWS = [*OWN, "outlier-gradient[layers=all]", "outlier-gradient[detector=l1]", "datainf[layers=all]"]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        data = ib.load("digits", noise="symmetric", rate=0.2, size=400)
        return data, replace(ib.prepare(data, "mlp"), groups=data.true_y)


def scored(row, problem):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ib.NotConverged)
        return ib.score([row], problem)[row]


@pytest.mark.parametrize("row", ROWS)
def test_scores_in_half_precision_rank_rows_nearly_alike(row, digits):
    data, problem = digits
    half = replace(problem, model=copy.deepcopy(problem.model).bfloat16(), train=(problem.train.x, problem.train.y))
    ours, exact = scored(row, half), scored(row, problem)
    assert row in UNSTEADY or spearmanr(ours.ravel(), exact.ravel())[0] > 0.95
    truth = data.is_influential if row.startswith("pairwise-") else data.is_noisy
    auc = [ib.evaluate(scores, truth)["roc_auc"] for scores in (ours, exact)]
    assert auc[0] == pytest.approx(auc[1], abs=0.02 if row in UNSTEADY else 0.01)


def test_sums_over_many_batches_do_not_stop_growing_in_half_precision():
    problem = ib.Problem(
        torch.nn.Linear(1, 2).bfloat16(), (torch.ones(3000, 1), torch.zeros(3000).long()), batch_size=1
    )
    space = gradient_space(problem, "all")
    of_first = space.train.of(torch.tensor([0])).weighted_sum(torch.ones(1))["weight"]
    of_all = space.train.reduce(WeightedSum(torch.ones(3000)))[0]["weight"]
    torch.testing.assert_close(of_all, 3000 * of_first, rtol=0.01, atol=0)


@pytest.mark.parametrize("kind", ["residual", "conv2d, groups", "conv2d, strided and dilated", "in place"])
def test_channels_last_changes_nothing(kind):
    problem = problem_of(*CLOSED[kind])
    last = {"memory_format": torch.channels_last}
    train = problem.train.mapped(lambda x: x.contiguous(**last))
    moved = replace(problem, model=copy.deepcopy(problem.model).to(**last), train=train, checkpoints=())
    ours, theirs = (gradient_space(p, "all") for p in (moved, problem))
    torch.testing.assert_close(ours.train.squared_l2(), theirs.train.squared_l2())
    torch.testing.assert_close(ours.train.inner(ours.valid.mean()), theirs.train.inner(theirs.valid.mean()))
    torch.testing.assert_close(ours.train.matrix(), theirs.train.matrix())
