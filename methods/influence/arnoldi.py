"""Arnoldi iteration: influence in the subspace of the curvature's dominant eigenvectors."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...bench.errors import InputError
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..gradients.reduction import Direction
from ..gradients.selection import Layers
from ..gradients.space import GradientSpace, gradient_space
from ..gradients.stream import Gradients
from ..queries import Against
from .curvature import PRODUCTS, Curvature
from .inverse import influence, self_influence


@method(
    family="influence function",
    paper="Schioppa et al. 2022, section 4",
    uses={"validation"},
    unless={"validation": {"against": "training"}},
)
def arnoldi(
    problem: Problem,
    rank: int = 50,
    steps: int = 100,
    curvature: Curvature = "hessian",
    damping: float = 0.01,
    layers: Layers = "last",
    against: Against = "validation",
) -> Scores:
    """-(Qᵀv)ᵀ(Λ + λI)⁻¹(Qᵀg) with the Hessian's dominant eigenvalues Λ, largest in absolute value, and eigenvectors Q.

    When: there are too many parameters for `influence-exact`, and the curvature has few large eigenvalues. Raise `rank`
    until the ranking no longer changes.

    Args:
        problem: with validation rows, whose mean gradient is v.
        rank: the number of eigenvalues, at most.
        steps: steps of the iteration: the dimension of the Krylov space in which eigenvalues are sought.
        curvature: `hessian`, or `ggn`, the generalised Gauss-Newton matrix in place of the Hessian.
        damping: λ ≥ 0.
        layers: the layers whose gradients are used, with p parameters.
        against: the rows that v averages over: `validation`, `training`, or `classes`, which takes the validation rows
            of the class that the sample harms most.

    Cost (iterative): about three epochs per step, of the last layer alone if only that is selected. Memory:
    16 p × steps bytes.

    Raises:
        InputError: if an argument is out of range, an eigenvalue is near -λ, or the Krylov vectors are above the memory
            budget.
    """
    space = gradient_space(problem, layers)
    return influence(space, dominant(space, problem.seed, rank, steps, curvature, damping), against)


@method(family="influence function", paper="Schioppa et al. 2022, section 5.3 (self-influence)")
def arnoldi_self(
    problem: Problem,
    rank: int = 50,
    steps: int = 100,
    curvature: Curvature = "hessian",
    damping: float = 0.01,
    layers: Layers = "last",
) -> Scores:
    """(Qᵀg)ᵀ(Λ + λI)⁻¹(Qᵀg) with the Hessian's dominant eigenvalues Λ, largest in absolute value, and eigenvectors Q.

    When: you have no trusted rows, there are too many parameters for `influence-self`, and the curvature has few large
    eigenvalues.

    Args:
        problem: the trained model and its training rows.
        rank: the number of eigenvalues, at most.
        steps: steps of the iteration: the dimension of the Krylov space in which eigenvalues are sought.
        curvature: `hessian`, or `ggn`, the generalised Gauss-Newton matrix in place of the Hessian.
        damping: λ ≥ 0.
        layers: the layers whose gradients are used, with p parameters.

    Cost (iterative): about three epochs per step, of the last layer alone if only that is selected. Memory:
    16 p × steps bytes.

    Raises:
        InputError: if an argument is out of range, an eigenvalue is near -λ, or the Krylov vectors are above the memory
            budget.
    """
    space = gradient_space(problem, layers)
    return self_influence(space, dominant(space, problem.seed, rank, steps, curvature, damping))


@dataclass(frozen=True)
class LowRank:
    """A symmetric matrix Q diag(values) Qᵀ from orthonormal vectors Q (p, k), float64."""

    space: GradientSpace
    vectors: Tensor
    values: Tensor

    def times(self, direction: Direction) -> Direction:
        """The matrix times a direction; what is orthogonal to Q becomes 0."""
        along = self.vectors.T @ self.space.vector(direction).double()
        return self.space.direction(self.vectors @ (self.values * along))

    def quadratic(self, gradients: Gradients, power: int = 1) -> Tensor:
        """gᵀ M^power g (n,) of the matrix M, float64, from the inner products of gradients and vectors: one pass."""
        along = gradients.inners([self.space.direction(vector) for vector in self.vectors.T])
        return along.square() @ self.values.cpu() ** power


def dominant(space: GradientSpace, seed: int, rank: int, steps: int, curvature: Curvature, damping: float) -> LowRank:
    """(H + λI)⁻¹ on the dominant eigenvectors of the curvature H of the mean training loss.

    Raises:
        InputError: if an argument is out of range, an eigenvalue is near -λ, or the Krylov vectors are above the memory
            budget.
    """
    if rank < 1 or steps < 1 or damping < 0:
        raise InputError("arnoldi needs rank and steps of at least 1, and damping of at least 0")
    basis, restricted = krylov(space, seed, min(steps, space.size), curvature)
    values, vectors = torch.linalg.eigh(restricted)
    chosen = values.abs().argsort(descending=True)[:rank]
    damped = values[chosen] + damping
    if damped.abs().min() <= 1e-7 * damped.abs().max():
        raise InputError(f"the {curvature} with damping={damping} is singular: raise damping, or lower rank={rank}")
    return LowRank(space, basis @ vectors[:, chosen], 1 / damped)


def krylov(space: GradientSpace, seed: int, steps: int, curvature: Curvature) -> tuple[Tensor, Tensor]:
    """Orthonormal vectors B (p, k) from repeated products with the curvature H, and Bᵀ H B (k, k), for k ≤ steps.

    Each new vector is orthogonalised twice against all others, since rounding makes a single pass inexact. Bᵀ H B is
    symmetric because H is.
    """
    space.problem.afford(2 * 8 * space.size * steps, f"{steps} vectors of {space.size:,} parameters")
    rounding = torch.finfo(next(iter(space.parameters.values())).dtype).eps
    generator = torch.Generator().manual_seed(seed)
    vector = torch.randn(space.size, generator=generator, dtype=torch.float64).to(space.problem.device)
    basis = torch.zeros(space.size, steps, dtype=torch.float64, device=space.problem.device)
    images = torch.zeros_like(basis)
    for k in range(steps):
        basis[:, k] = vector / vector.norm()
        image = PRODUCTS[curvature](space, space.direction(basis[:, k]), space.problem.train)
        images[:, k] = vector = space.vector(image).double()
        for _ in range(2):
            vector = vector - basis[:, : k + 1] @ (basis[:, : k + 1].T @ vector)
        if vector.norm() <= rounding * images[:, 0].norm():
            basis, images = basis[:, : k + 1], images[:, : k + 1]
            break
    restricted = basis.T @ images
    return basis, (restricted + restricted.T) / 2
