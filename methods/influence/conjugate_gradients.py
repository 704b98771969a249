"""Conjugate gradients: the inverse-Hessian-vector product (IHVP) from Hessian-vector products."""

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
    """-vᵀ(H + λI)⁻¹g, where conjugate gradients compute (H + λI)⁻¹v.

    When: there are too many parameters for `influence-exact`. It computes the same score up to a tolerance, in fewer
    passes than `lissa`, and warns if it does not reach the tolerance.

    Args:
        problem: with validation rows, whose mean gradient is v.
        curvature: `hessian`, or `ggn`, the generalised Gauss-Newton matrix, which has no negative eigenvalues.
        damping: λ ≥ 0.
        steps: steps of the iteration, at most.
        tolerance: the relative residual ‖v - (H + λI)x‖ / ‖v‖ at which the iteration stops.
        layers: the layers whose gradients are used.
        against: the rows that v averages over: `validation`, `training`, or `classes`, which takes the validation rows
            of the class that the sample harms most.

    Cost (iterative): about three epochs per step, of the last layer alone if only that is selected; with `classes`, as
    many for each class.

    Raises:
        InputError: if an argument is out of range.

    Warns:
        NotConverged: if the tolerance is not reached, because steps are too few or H + λI has a negative eigenvalue.
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
            message = f"influence-cg: relative residual {residual:.2g} after {step} steps; {mend}"
            warnings.warn(message, NotConverged, stacklevel=2)
        ihvps.append(space.direction(x))
    return most_harmful(products(space.train, ihvps))


def conjugate_gradients(
    product: Callable[[Tensor], Tensor], b: Tensor, steps: int, tolerance: float
) -> tuple[Tensor, float, int]:
    """The solution x of A x = b for a symmetric matrix A, given by its products.

    The iteration ends early if A is not positive along a search direction.

    Returns:
        x, the relative residual ‖b - Ax‖ / ‖b‖, and the number of steps taken.
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
