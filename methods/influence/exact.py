"""Influence functions with the dense curvature, for models or layers with few parameters.

Removing a sample changes the mean validation loss by about vᵀ(H + λI)⁻¹g / n. A sample is harmful if its removal lowers
that loss, so the score is the negative of this change, without the constant n.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...bench.errors import InputError
from ...bench.problem.assembly import assembled
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..gradients.reduction import Direction
from ..gradients.selection import Layers
from ..gradients.space import GradientSpace, gradient_space
from ..gradients.stream import Gradients
from ..queries import Against
from .curvature import Curvature, dense_ggn, dense_hessian
from .inverse import influence, self_influence


@method(
    family="influence function",
    paper="Koh & Liang 2017, eq. 2",
    uses={"validation"},
    unless={"validation": {"against": "training"}},
)
def influence_exact(
    problem: Problem,
    curvature: Curvature = "hessian",
    damping: float = 0.01,
    layers: Layers = "last",
    against: Against = "validation",
) -> Scores:
    """-vᵀ(H + λI)⁻¹g, with the mean validation gradient v and the Hessian H of the mean training loss.

    When: the last layer or the whole model is small. All other influence functions approximate this score.

    Args:
        problem: with validation rows.
        curvature: `hessian`, or `ggn`, the generalised Gauss-Newton matrix in place of H.
        damping: λ ≥ 0; for a model trained with weight decay, that decay is the exact λ.
        layers: the layers whose gradients are used, with p parameters.
        against: the rows that v averages over: `validation`, `training`, or `classes`, which takes the validation rows
            of the class that the sample harms most.

    Cost (iterative): p products with H and O(p³) to invert; refused if 32 p² bytes are above the memory budget.

    Raises:
        InputError: if damping is below 0, or too small to make a singular curvature invertible.
    """
    space = gradient_space(problem, layers)
    return influence(space, Dense(space, torch.linalg.inv(damped(space, curvature, damping))), against)


@method(family="influence function", paper="Koh & Liang 2017, section 5.4 (self-influence)")
def influence_self(
    problem: Problem, curvature: Curvature = "hessian", damping: float = 0.01, layers: Layers = "last"
) -> Scores:
    """gᵀ(H + λI)⁻¹g: the influence of each sample on its own loss, with the Hessian H of the mean training loss.

    When: you have no trusted rows and the last layer is small. Among the methods with a single checkpoint it is one of
    the best on the quick and the small vision suite.

    Args:
        problem: the trained model and its training rows.
        curvature: `hessian`, or `ggn`, the generalised Gauss-Newton matrix in place of H.
        damping: λ ≥ 0.
        layers: the layers whose gradients are used, with p parameters.

    Cost (iterative): p products with H, O(p³) to invert and O(n p²) to score; refused if 32 p² bytes are above the
    memory budget.

    Raises:
        InputError: if damping is below 0, or too small to make a singular curvature invertible.
    """
    space = gradient_space(problem, layers)
    return self_influence(space, Dense(space, torch.linalg.inv(damped(space, curvature, damping))))


@dataclass(frozen=True)
class Dense:
    """An inverse curvature as a dense matrix (p, p), float64."""

    space: GradientSpace
    matrix: Tensor

    def times(self, direction: Direction) -> Direction:
        """The matrix times a direction."""
        return self.space.direction(self.matrix @ self.space.vector(direction).double())

    def quadratic(self, gradients: Gradients, power: int = 1) -> Tensor:
        """gᵀ M^power g (n,) of the matrix M, float64, for a batch of gradients at a time."""
        matrix = torch.linalg.matrix_power(self.matrix, power)
        parts = ((rows, (g.double() @ matrix * g).sum(1).cpu()) for rows, g in gradients.flat(copies=3))
        return assembled(len(gradients), parts)


def damped(space: GradientSpace, curvature: Curvature, damping: float) -> Tensor:
    """H + λI (p, p), float64.

    Raises:
        InputError: if damping is below 0, or too small to make a singular curvature invertible.
    """
    if damping < 0:
        raise InputError(f"damping={damping} does not fit: it must be 0 or more")
    matrix = dense_hessian(space) if curvature == "hessian" else dense_ggn(space)
    matrix = (matrix + matrix.mT) / 2 + damping * torch.eye(space.size, dtype=torch.float64, device=matrix.device)
    spectrum = torch.linalg.eigvalsh(matrix).abs()
    if spectrum.min() <= 1e-7 * spectrum.max():
        raise InputError(f"the {curvature} with damping={damping} is singular: raise damping, for example to 0.01")
    return matrix
