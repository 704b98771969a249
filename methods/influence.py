"""Influence functions with the curvature as it is, for models or layers of few parameters.

The influence of removing a sample on the mean validation loss is vᵀ(H + λI)⁻¹g / n. A sample whose removal lowers that
loss hurts, so the score is its negative, without the constant n.
"""

from typing import Literal

import torch
from torch import Tensor

from ..bench.errors import InputError
from ..bench.problem import Problem, Scores, assembled
from ..bench.registry import method
from .curvature import dense_ggn, dense_hessian
from .gradients import GradientSpace, Layers, gradient_space

Curvature = Literal["hessian", "ggn"]


@method(family="influence function", paper="Koh & Liang 2017, eq. 2", uses={"validation"})
def influence_exact(
    problem: Problem, curvature: Curvature = "hessian", damping: float = 0.01, layers: Layers = "last"
) -> Scores:
    """-vᵀ(H + λI)⁻¹g: the mean validation gradient v through the inverse curvature of the mean training loss.

    Args:
        problem: with validation rows.
        curvature: H itself, or the generalised Gauss-Newton matrix in its place.
        damping: λ ≥ 0; a model trained with weight decay λ has exactly this λ.
        layers: whose p parameters the gradients are taken for.

    Cost: p products with H and O(p³) to solve; refused where 32 p² bytes are above the memory budget.

    Raises:
        InputError: if the curvature is singular and damping does not mend it.
    """
    space = gradient_space(problem, layers)
    v = space.vector(space.valid.mean()).double()
    ihvp = torch.linalg.solve(damped(space, curvature, damping), v)
    return -space.train.inner(space.direction(ihvp)).numpy()


@method(family="influence function", paper="Koh & Liang 2017, section 5.4 (self-influence)")
def influence_self(
    problem: Problem, curvature: Curvature = "hessian", damping: float = 0.01, layers: Layers = "last"
) -> Scores:
    """gᵀ(H + λI)⁻¹g: the influence of each sample on its own loss, with one curvature over all samples.

    Args:
        problem: the trained model and its training rows.
        curvature: H itself, or the generalised Gauss-Newton matrix in its place.
        damping: λ ≥ 0.
        layers: whose p parameters the gradients are taken for.

    Cost: p products with H, O(p³) to invert and O(n p²) to score; refused where 32 p² bytes are above the memory
    budget.

    Raises:
        InputError: if the curvature is singular and damping does not mend it.
    """
    space = gradient_space(problem, layers)
    inverse = torch.linalg.inv(damped(space, curvature, damping))
    quadratic = ((rows, (g.double() @ inverse * g).sum(1).cpu()) for rows, g in space.train.flat(copies=3))
    return assembled(len(space.train), quadratic).numpy()


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
