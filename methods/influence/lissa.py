"""LiSSA: the inverse-Hessian-vector product (IHVP) by a truncated Neumann series over mini-batches."""

import warnings

import torch
from torch import Tensor

from ...bench.errors import InputError, NotConverged
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..gradients.selection import Layers
from ..gradients.space import gradient_space
from ..queries import Against, most_harmful, products, queries
from .curvature import PRODUCTS, Curvature, largest_eigenvalue

CONVERGED = 0.2  # relative residual above which the result is called unconverged
DIVERGED = 2.0  # times ‖v‖/λ, which bounds ‖(H + λI)⁻¹v‖ if H has no negative eigenvalue


@method(
    family="influence function",
    paper="Agarwal et al. 2017; Koh & Liang 2017, section 3",
    uses={"validation"},
    unless={"validation": {"against": "training"}},
)
def lissa(
    problem: Problem,
    curvature: Curvature = "hessian",
    damping: float = 0.01,
    steps: int = 500,
    samples_per_step: int = 256,
    layers: Layers = "last",
    against: Against = "validation",
) -> Scores:
    """-r·g with r ← v/σ + (I - (H_b + λI)/σ) r, where σ is twice the largest eigenvalue, by power iteration, plus λ.

    When: you want to compare with papers that use it. `influence-cg` computes the same score in fewer passes.

    Args:
        problem: with validation rows, whose mean gradient is v.
        curvature: `hessian`, or `ggn`, the generalised Gauss-Newton matrix, which has no negative eigenvalues.
        damping: λ > 0; the series needs about σ/λ steps.
        steps: terms of the series.
        samples_per_step: training rows in each batch b, drawn without replacement within an epoch.
        layers: the layers whose gradients are used.
        against: the rows that v averages over: `validation`, `training`, or `classes`, which takes the validation rows
            of the class that the sample harms most.

    Cost (iterative): about 3 × steps × samples_per_step / n epochs, of the last layer alone if only that is selected;
    with `classes`, as many for each class.

    Raises:
        InputError: if an argument is out of range, or the series diverges because H + λI has a negative eigenvalue.

    Warns:
        NotConverged: if ‖v - (H + λI)r‖ is above 0.2 ‖v‖ at the end, for H over all training rows.
    """
    if damping <= 0 or steps < 1 or samples_per_step < 1:
        raise InputError("lissa needs damping above 0, and steps and samples_per_step of at least 1")
    space = gradient_space(problem, layers)
    train, order = space.problem.train, problem.sampling_order()
    scale = 2 * largest_eigenvalue(space, train[order[: 4 * samples_per_step]], curvature) + damping

    def ihvp(v: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(problem.seed)
        r, drawn = v / scale, torch.empty(0, dtype=torch.long)
        for _ in range(steps):
            if len(drawn) < min(samples_per_step, len(train)):
                drawn = order[torch.randperm(len(train), generator=generator)]
            rows, drawn = drawn[:samples_per_step], drawn[samples_per_step:]
            product = space.vector(PRODUCTS[curvature](space, space.direction(r), train[rows]))
            r = v / scale + r - (product + damping * r) / scale
            if r.norm() > DIVERGED * v.norm() / damping:
                mend = f"raise damping={damping}, or take curvature=ggn"
                raise InputError(f"lissa diverges, since the curvature has negative eigenvalues: {mend}")
        product = space.vector(PRODUCTS[curvature](space, space.direction(r), train))
        residual = float((v - product - damping * r).norm() / v.norm().clamp(min=torch.finfo(v.dtype).tiny))
        if residual > CONVERGED:
            message = f"lissa: relative residual {residual:.2g} after {steps} steps; raise steps or damping"
            warnings.warn(message, NotConverged, stacklevel=3)
        return r

    ihvps = [space.direction(ihvp(space.vector(v))) for v in queries(space, against)]
    return most_harmful(products(space.train, ihvps))
