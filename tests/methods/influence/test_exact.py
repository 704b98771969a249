"""Influence methods against their dense definitions in float64 and against leave-one-out retraining."""

import numpy as np
import pytest
import torch
from networks import CLOSED, problem_of
from oracle import LAST, Oracle, close
from scipy.optimize import minimize
from scipy.stats import spearmanr
from torch import nn
from torch.nn import functional as F

import influence_bench as ib
from influence_bench.methods.gradients.space import gradient_space
from influence_bench.methods.influence.curvature import (
    dense_ggn,
    dense_hessian,
    ggn_product,
    hessian_product,
    largest_eigenvalue,
)

LAMBDA = 0.05


@pytest.fixture(scope="module")
def small():
    """A trained network in float64, its flat gradients and its dense Hessian by `torch.func` over all parameters."""
    oracle = Oracle(torch.float64)
    return oracle.problem, {split: oracle.gradients(split) for split in ("train", "valid")}, oracle.hessian()


@pytest.fixture(scope="module", params=[(torch.float64, 1e-6), (torch.float32, 1e-3)], ids=["float64", "float32"])
def last(request):
    """The last layer's definitions: a problem, its gradients g (n, p), its Hessian (p, p), and the error allowed."""
    oracle, part = Oracle(request.param[0]), slice(-LAST, None)
    return oracle, oracle.gradients("train")[:, part], oracle.hessian()[part, part], request.param[1]


def test_hessian_equals_its_definition(small):
    problem, _, dense = small
    space = gradient_space(problem, "all")
    close(dense_hessian(space), dense)
    v = torch.randn(len(dense), dtype=torch.float64)
    close(space.vector(hessian_product(space, space.direction(v), problem.train)), dense @ v)


def test_ggn_products_equal_the_dense_matrix(small):
    space = gradient_space(small[0], "all")
    v = torch.randn(space.size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    close(space.vector(ggn_product(space, space.direction(v), small[0].train)), dense_ggn(space) @ v)


@pytest.mark.parametrize("kind", ["encoder", "tied", "conv2d, groups", "called twice"])
def test_products_can_be_had_of_every_kind_of_network(kind):
    problem = problem_of(*CLOSED[kind])
    space, train = gradient_space(problem, "all"), problem.train
    v = torch.randn(space.size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def mean_gradient(step):
        moved = {name: p + step * space.direction(v)[name] for name, p in space.parameters.items()}
        leaves = {name: p.detach().requires_grad_() for name, p in moved.items()}
        return torch.cat([
            g.flatten() for g in torch.autograd.grad(space.loss(leaves, train), list(leaves.values()))
        ]) / len(train)  # fmt: skip

    difference = (mean_gradient(1e-5) - mean_gradient(-1e-5)) / 2e-5
    close(space.vector(hessian_product(space, space.direction(v), train)), difference, 1e-5)
    close(space.vector(ggn_product(space, space.direction(v), train)), dense_ggn(space) @ v)


def test_ggn_is_the_hessian_where_the_model_is_linear_in_its_parameters(small):
    space = gradient_space(small[0], "last")
    close(dense_ggn(space), dense_hessian(space))


def test_ggn_equals_its_definition_by_jacobians(small):
    problem, _, _ = small
    space = gradient_space(problem, "all")
    parameters = list(problem.model.parameters())
    total = 0
    for x in problem.train.x:
        logits = problem.model.eval()(x[None])[0]
        rows = [torch.autograd.grad(z, parameters, retain_graph=True) for z in logits]
        jacobian = torch.stack([torch.cat([g.flatten() for g in row]) for row in rows])
        p = logits.softmax(0)
        total = total + jacobian.T @ (torch.diag(p) - torch.outer(p, p)) @ jacobian
    close(dense_ggn(space), (total / len(problem.train)).detach())


def test_largest_eigenvalue_is_found_by_power_iteration(small):
    problem, _, dense = small
    assert largest_eigenvalue(gradient_space(problem, "all"), problem.train) == pytest.approx(
        float(torch.linalg.eigvalsh(dense).abs().max()), rel=0.02
    )


@pytest.mark.parametrize("damping", [0.01, 1.0])
def test_exact_influence_equals_its_definition(small, damping):
    problem, g, dense = small
    ihvp = torch.linalg.solve(dense + damping * torch.eye(len(dense), dtype=torch.float64), g["valid"].mean(0))
    close(ib.score("influence-exact", problem, damping=damping, layers="all"), -g["train"] @ ihvp, rtol=1e-10)


def test_self_influence_equals_its_definition(small):
    problem, g, dense = small
    inverse = torch.linalg.inv(dense + 0.1 * torch.eye(len(dense), dtype=torch.float64))
    close(ib.score("influence-self", problem, damping=0.1, layers="all"), ((g["train"] @ inverse) * g["train"]).sum(1))


def test_datainf_equals_its_definition(small):
    problem, g, _ = small
    sizes = gradient_space(problem, "all").layer_sizes.tolist()
    expected = 0
    for train, valid in zip(g["train"].split(sizes, 1), g["valid"].split(sizes, 1), strict=True):
        v, lam = valid.mean(0), 0.1 * train.square().mean()
        h = sum((v - (v @ gi) / (lam + gi @ gi) * gi) / (len(train) * lam) for gi in train)
        expected = expected - train @ h
    close(ib.score("datainf", problem, damping=0.1, layers="all"), expected)


@pytest.mark.parametrize("n", [20, 300])  # fewer samples than a layer has parameters, and more
def test_datainf_of_each_sample_on_itself_equals_its_definition(small, n):
    problem, g, _ = small
    expected = 0
    for train in g["train"][:n].split(gradient_space(problem, "all").layer_sizes.tolist(), 1):
        lam = 0.1 * train.square().mean()
        hs = [sum((v - (v @ gi) / (lam + gi @ gi) * gi) / (n * lam) for gi in train) for v in train]
        expected = expected + (torch.stack(hs) * train).sum(1)
    close(ib.score("datainf-self", problem.on(slice(n)), layers="all"), expected)


@pytest.mark.parametrize("against", ["validation", "classes", "training"])
def test_conjugate_gradients_solve_for_exact_influence(last, against):
    oracle, g, dense, rtol = last
    ihvps = torch.linalg.solve(dense + 0.01 * torch.eye(LAST), oracle.queries(against)[-LAST:])
    expected = -(g @ ihvps).amin(1)
    close(ib.score("influence-cg", oracle.problem, tolerance=rtol / 100, against=against), expected, rtol)
    close(ib.score("influence-exact", oracle.problem, against=against), expected, rtol)
    assert spearmanr(ib.score("influence-cg", oracle.problem, against=against), expected).statistic > 0.999


@pytest.mark.parametrize("rank", [5, LAST])
def test_arnoldi_equals_the_dominant_eigenvectors_of_the_dense_hessian(last, rank):
    oracle, g, dense, rtol = last
    values, vectors = torch.linalg.eigh(dense)
    chosen = values.abs().argsort(descending=True)[:rank]
    along, inverse = g @ vectors[:, chosen], 1 / (values[chosen] + 0.01)
    expected = -(along * inverse) @ vectors[:, chosen].T @ oracle.queries("validation")[-LAST:, 0]
    close(ib.score("arnoldi", oracle.problem, rank=rank, steps=LAST), expected, rtol)
    close(ib.score("arnoldi-self", oracle.problem, rank=rank, steps=LAST), along.square() @ inverse, rtol)


def test_few_steps_of_arnoldi_come_close_to_exact_influence(small):
    problem, _, _ = small
    for ours, exact, at_least in (("arnoldi", "influence-exact", 0.9), ("arnoldi-self", "influence-self", 0.9)):
        low_rank, all_ranks = ib.score(ours, problem, rank=5, steps=10), ib.score(exact, problem)
        assert spearmanr(low_rank, all_ranks).statistic > at_least


def test_where_the_curvature_is_negative_conjugate_gradients_stop_and_say_so(small):
    problem, _, dense = small
    assert torch.linalg.eigvalsh(dense).min() < 0
    with pytest.warns(ib.NotConverged, match=r"relative residual .* the curvature is negative .* raise damping"):
        scores = ib.score("influence-cg", problem, damping=0.0, layers="all")
    assert np.isfinite(scores).all()
    with pytest.warns(ib.NotConverged, match="after 2 steps; raise steps"):
        ib.score("influence-cg", problem, steps=2)


def test_the_gauss_newton_matrix_is_never_negative(small):
    problem, _, _ = small
    more = {"curvature": "ggn", "layers": "all"}
    exact = ib.score("influence-exact", problem, **more)
    close(ib.score("influence-cg", problem, tolerance=1e-9, **more), exact)
    close(ib.score("arnoldi", problem, steps=100, rank=100, **more), exact)
    more["damping"] = 1.0
    exact = ib.score("influence-exact", problem, **more)
    close(ib.score("lissa", problem, steps=50, samples_per_step=300, **more), exact)


def test_lissa_says_where_it_diverges():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))
    x, y = torch.randn(60, 2), torch.arange(60) % 3
    with pytest.raises(ib.InputError, match=r"lissa diverges, .* raise damping=1e-05, or take curvature=ggn"):
        ib.score("lissa", ib.Problem(net, (x, y), (x, y)), damping=1e-5, samples_per_step=60, steps=5000, layers="all")


@pytest.mark.parametrize("name", ["lissa", "datainf"])
def test_the_class_that_suffers_most_decides(small, name):
    problem, _, _ = small
    each = [
        ib.score(name, ib.Problem(problem.model, problem.train, problem.valid[problem.valid.y == label]))
        for label in range(3)
    ]
    close(ib.score(name, problem, against="classes"), np.max(each, 0))


def test_lissa_comes_close_to_exact_influence(small):
    problem, _, _ = small
    exact = ib.score("influence-exact", problem, damping=0.05)
    assert spearmanr(ib.score("lissa", problem, damping=0.05, samples_per_step=300), exact).statistic > 0.999
    assert spearmanr(ib.score("lissa", problem, damping=0.05, samples_per_step=32), exact).statistic > 0.97


def test_lissa_says_when_it_did_not_converge(small):
    with pytest.warns(ib.NotConverged, match="relative residual"):
        ib.score("lissa", small[0], damping=1e-4, steps=1)


def test_a_singular_curvature_is_refused_with_the_mend(small):
    with pytest.raises(ib.InputError, match="singular: raise damping"):
        ib.score("influence-exact", small[0], damping=0.0)


def test_a_curvature_too_large_is_refused_with_its_size():
    layer = nn.Linear(2000, 10)
    x, y = torch.randn(4, 2000), torch.tensor([0, 1, 2, 3])
    with pytest.raises(ib.InputError, match=r"20,010 parameters would take 13 GB"):
        ib.score("influence-exact", ib.Problem(layer, train=(x, y), valid=(x, y)))


def logistic_regression(x, y, rows, start):
    """Weights and bias that minimise (1/n) Σ cross-entropy + λ/2 ‖θ‖² over some rows, to high precision."""
    a = np.hstack([x, np.ones((len(x), 1))])

    def objective(flat):
        theta = flat.reshape(2, -1)
        logits = a[rows] @ theta.T
        p = np.exp(logits - np.logaddexp.reduce(logits, 1)[:, None])
        value = -np.log(p[np.arange(len(rows)), y[rows]]).sum() / len(x) + LAMBDA / 2 * flat @ flat
        p[np.arange(len(rows)), y[rows]] -= 1
        return value, (p.T @ a[rows]).ravel() / len(x) + LAMBDA * flat

    return minimize(objective, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-16, "gtol": 1e-12}).x


def test_exact_influence_ranks_rows_as_leave_one_out_retraining_does():
    data = ib.load("breast-cancer", noise="symmetric", rate=0.1, seed=0, size=150)
    x, y = data.train.x.double().numpy(), data.train.y.numpy()
    valid_x, valid_y = data.valid.x.double(), data.valid.y
    everything = np.arange(len(x))
    theta = logistic_regression(x, y, everything, np.zeros(2 * (x.shape[1] + 1)))

    def model_of(flat):
        layer = nn.Linear(x.shape[1], 2).double()
        weights = torch.tensor(flat).reshape(2, -1)
        layer.load_state_dict({"weight": weights[:, :-1], "bias": weights[:, -1]})
        return layer

    def validation_loss(flat):
        with torch.no_grad():
            return float(F.cross_entropy(model_of(flat)(valid_x), valid_y))

    removed = [logistic_regression(x, y, np.delete(everything, row), theta) for row in everything]
    benefit_of_removal = np.array([validation_loss(theta) - validation_loss(flat) for flat in removed])
    problem = ib.Problem(model_of(theta), train=(x, y), valid=(valid_x, valid_y))
    influence = ib.score("influence-exact", problem, damping=LAMBDA)
    assert spearmanr(influence, benefit_of_removal).statistic >= 0.99
    # The sign and the scale as well: the score over n is the change of the validation loss, to first order.
    assert np.polyfit(influence / len(x), benefit_of_removal, 1)[0] == pytest.approx(1, abs=0.1)
