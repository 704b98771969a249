"""Influence functions with the curvature as it is, for models or layers of few parameters.

The influence of removing a sample on the mean validation loss is vᵀ(H + λI)⁻¹g / n. A sample whose removal lowers that
loss hurts, so the score is its negative, without the constant n.
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
    """-vᵀ(H + λI)⁻¹g: the mean validation gradient v through the inverse curvature of the mean training loss.

    When: the last layer or the model is small: the answer that all other influence functions approximate.

    Args:
        problem: with validation rows.
        curvature: H itself, or the generalised Gauss-Newton matrix in its place.
        damping: λ ≥ 0; a model trained with weight decay λ has exactly this λ.
        layers: whose p parameters the gradients are taken for.
        against: the validation rows, the class of them that suffers most, or the training rows.

    Cost (iterative): p products with H and O(p³) to invert; refused where 32 p² bytes are above the memory budget.

    Raises:
        InputError: if the curvature is singular and damping does not mend it.
    """
    space = gradient_space(problem, layers)
    return influence(space, Dense(space, torch.linalg.inv(damped(space, curvature, damping))), against)


@method(family="influence function", paper="Koh & Liang 2017, section 5.4 (self-influence)")
def influence_self(
    problem: Problem, curvature: Curvature = "hessian", damping: float = 0.01, layers: Layers = "last"
) -> Scores:
    """gᵀ(H + λI)⁻¹g: the influence of each sample on its own loss, with one curvature over all samples.

    When: nobody can vouch for any rows and the last layer is small: of what looks at one checkpoint among the best on
    the quick and the small vision suite.

    Args:
        problem: the trained model and its training rows.
        curvature: H itself, or the generalised Gauss-Newton matrix in its place.
        damping: λ ≥ 0.
        layers: whose p parameters the gradients are taken for.

    Cost (iterative): p products with H, O(p³) to invert and O(n p²) to score; refused where 32 p² bytes are above the
    memory budget.

    Raises:
        InputError: if the curvature is singular and damping does not mend it.
    """
    space = gradient_space(problem, layers)
    return self_influence(space, Dense(space, torch.linalg.inv(damped(space, curvature, damping))))


@dataclass(frozen=True)
class Dense:
    """An inverse curvature (p, p) as it is, float64."""

    space: GradientSpace
    matrix: Tensor

    def times(self, direction: Direction) -> Direction:
        """By the matrix."""
        return self.space.direction(self.matrix @ self.space.vector(direction).double())

    def quadratic(self, gradients: Gradients, power: int = 1) -> Tensor:
        """By the matrix, a batch of gradients at a time."""
        matrix = torch.linalg.matrix_power(self.matrix, power)
        parts = ((rows, (g.double() @ matrix * g).sum(1).cpu()) for rows, g in gradients.flat(copies=3))
        return assembled(len(gradients), parts)


def damped(space: GradientSpace, curvature: Curvature, damping: float) -> Tensor:
    """H + λI (p, p), float64."""
    if damping < 0:
        raise InputError(f"damping={damping} does not fit: it must be 0 or more")
    matrix = dense_hessian(space) if curvature == "hessian" else dense_ggn(space)
    matrix = (matrix + matrix.mT) / 2 + damping * torch.eye(space.size, dtype=torch.float64, device=matrix.device)
    spectrum = torch.linalg.eigvalsh(matrix).abs()
    if spectrum.min() <= 1e-7 * spectrum.max():
        raise InputError(f"the {curvature} with damping={damping} is singular: raise damping, for example to 0.01")
    return matrix
