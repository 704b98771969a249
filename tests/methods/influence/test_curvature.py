"""Hessians and Gauss-Newton matrices, dense and by their products, compared with their definitions in float64."""

import pytest
import torch
from networks import CLOSED, problem_of
from oracle import close

from influence_bench.methods.gradients.space import gradient_space
from influence_bench.methods.influence.curvature import (
    dense_ggn,
    dense_hessian,
    ggn_product,
    hessian_product,
    largest_eigenvalue,
)


def test_the_hessian_equals_its_definition(small):
    problem, _, dense = small
    space = gradient_space(problem, "all")
    close(dense_hessian(space), dense)
    v = torch.randn(len(dense), dtype=torch.float64)
    close(space.vector(hessian_product(space, space.direction(v), problem.train)), dense @ v)


def test_the_gauss_newton_matrix_equals_its_definition_by_jacobians(small):
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


def test_gauss_newton_products_equal_the_dense_matrix_times_a_vector(small):
    problem, _, _ = small
    space = gradient_space(problem, "all")
    v = torch.randn(space.size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    close(space.vector(ggn_product(space, space.direction(v), problem.train)), dense_ggn(space) @ v)


@pytest.mark.parametrize("kind", ["encoder", "tied", "conv2d, groups", "called twice"])
def test_every_kind_of_network_has_products(kind):
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


def test_the_gauss_newton_matrix_is_the_hessian_if_the_model_is_linear_in_its_parameters(small):
    space = gradient_space(small[0], "last")
    close(dense_ggn(space), dense_hessian(space))


def test_power_iteration_finds_the_largest_eigenvalue(small):
    problem, _, dense = small
    assert largest_eigenvalue(gradient_space(problem, "all"), problem.train) == pytest.approx(
        float(torch.linalg.eigvalsh(dense).abs().max()), rel=0.02
    )
