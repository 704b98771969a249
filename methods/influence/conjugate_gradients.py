"""Conjugate gradients: the inverse-Hessian-vector product by Hessian-vector products alone."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from ...bench.errors import InputError, NotConverged
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..gradients.selection import Layers
from ..gradients.space import gradient_space
from ..queries import Against, most_harmful, products, queries
from .curvature import PRODUCTS, Curvature


@method(
    family="influence function",
    paper="Koh & Liang 2017, section 3; Martens 2010",
    uses={"validation"},
    unless={"validation": {"against": "training"}},
)
def influence_cg(
    problem: Problem,
    curvature: Curvature = "hessian",
    damping: float = 0.01,
    steps: int = 100,
    tolerance: float = 1e-3,
    layers: Layers = "last",
    against: Against = "validation",
) -> Scores:
    """-vᵀ(H + λI)⁻¹g with (H + λI)⁻¹v by conjugate gradients.

    When: the parameters are too many for `influence-exact`: the same answer to a tolerance, in fewer passes than
    `lissa` takes, and it says so where it has not got there.

    Args:
        problem: with validation rows, whose mean gradient is v.
        curvature: H itself, or the generalised Gauss-Newton matrix in its place, which has no negative eigenvalues.
        damping: λ ≥ 0.
        steps: of the iteration at most.
        tolerance: of ‖v - (H + λI)x‖ / ‖v‖, at which it stops.
        layers: whose parameters the gradients are taken for.
        against: the validation rows, the class of them that suffers most, or the training rows.

    Cost (iterative): about three epochs per step, of the last layer alone where that is selected; for each class with
    `classes`.

    Warns:
        NotConverged: if the tolerance is not reached: in too few steps, or since H + λI has a negative eigenvalue.
    """
    if damping < 0 or steps < 1 or tolerance <= 0:
        raise InputError("influence-cg needs damping of at least 0, steps of at least 1 and a tolerance above 0")
    space = gradient_space(problem, layers)

    def product(vector: Tensor) -> Tensor:
        along = PRODUCTS[curvature](space, space.direction(vector), space.problem.train)
        return space.vector(along).double() + damping * vector

    ihvps = []
    for v in queries(space, against):
        x, residual, step = conjugate_gradients(product, space.vector(v).double(), steps, tolerance)
        if residual > tolerance:
            mend = "raise steps" if step == steps else "the curvature is negative along it: raise damping, or take ggn"
            said = f"influence-cg: relative residual {residual:.2g} after {step} steps; {mend}"
            warnings.warn(said, NotConverged, stacklevel=2)
        ihvps.append(space.direction(x))
    return most_harmful(products(space.train, ihvps))


def conjugate_gradients(
    product: Callable[[Tensor], Tensor], b: Tensor, steps: int, tolerance: float
) -> tuple[Tensor, float, int]:
    """x with A x = b for a symmetric A given by its products, the relative residual ‖b - Ax‖ / ‖b‖, and the steps made.

    It ends before a direction along which A is not positive.
    """
    x, residual, direction = torch.zeros_like(b), b, b
    square, goal = residual @ residual, tolerance * b.norm()
    step = 0
    while step < steps and square.sqrt() > goal:
        along = product(direction)
        curvature = direction @ along
        if curvature <= 0:
            break
        x = x + square / curvature * direction
        residual = residual - square / curvature * along
        square, before = residual @ residual, square
        direction = residual + square / before * direction
        step += 1
    return x, float(square.sqrt() / b.norm().clamp(min=torch.finfo(b.dtype).tiny)), step
