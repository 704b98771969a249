"""LAVA: optimal transport of the training rows, with their labels, to the validation rows."""

import warnings
from math import log

import torch
from torch import Tensor

from ...bench.errors import InputError, NotConverged
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..features import features

BYTES_PER_PAIR = 32
ROUNDS, PRECISION = 2000, 1e-6


@method(
    family="data valuation",
    paper="Just et al. 2023, sections 3.1 and 3.2 (LAVA)",
    uses={"validation"},
    classes=True,
)
def lava(problem: Problem, entropy: float = 0.1, converged: bool = False) -> Scores:
    """The calibrated gradient of the transport cost to the validation rows by a row's mass: fᵢ - mean of other fⱼ.

    f is the dual potential of entropic optimal transport between the training and the validation rows. The cost of a
    pair is half the squared distance of its last-layer inputs, divided by the mean of all pairs, plus the cost of
    transport from all training rows with the first row's label to all validation rows with the second row's.

    When: the validation rows are a fair sample of what the training rows should be, and inputs may be wrong as well as
    labels.

    Args:
        problem: a classifier with validation rows, m of them.
        entropy: the entropic regularisation ε > 0 of both transports.
        converged: whether to iterate until the potentials converge. By default they are those after about ten rounds of
            Sinkhorn, as the authors get them from GeomLoss, which find wrong labels better.

    Cost (forward): two forward passes, and O(n m) for each Sinkhorn round, some hundred until they converge; refused
    where 32 n m bytes are above the memory budget.

    Raises:
        InputError: if the pairs do not fit the memory budget, or entropy is not above 0.

    Warns:
        NotConverged: if `converged` is asked for and 2,000 rounds do not suffice.
    """
    if entropy <= 0:
        raise InputError(f"entropy={entropy} does not fit: it must be above 0")
    n, m = len(problem.train), len(problem.validation)
    if BYTES_PER_PAIR * n * m > problem.memory_budget:
        raise InputError(
            f"lava of {n:,} training and {m:,} validation rows would take {BYTES_PER_PAIR * n * m / 1e9:.2g} GB, above "
            f"the memory budget of {problem.memory_budget / 1e9:.2g} GB: give fewer rows, or a larger memory_budget"
        )
    x, valid = (features(problem, rows).double() for rows in (problem.train, problem.validation))
    cost = torch.cdist(x, valid, compute_mode="donot_use_mm_for_euclid_dist").square_().div_(2)
    cost /= cost.mean().clamp(min=torch.finfo(cost.dtype).tiny)
    y, valid_y = problem.train.y.cpu(), problem.validation.y.cpu()
    f, _ = potentials(cost + between_labels(cost, y, valid_y, entropy, converged), entropy, converged)
    return (f - (f.sum() - f) / max(1, n - 1)).numpy()


def between_labels(cost: Tensor, y: Tensor, valid_y: Tensor, entropy: float, converged: bool) -> Tensor:
    """For each pair (n, m), the cost of transport from the training rows of its first label to the validation rows of
    its second.
    """
    pairs = torch.empty_like(cost)
    for label in y.unique():
        for other in valid_y.unique():
            rows, columns = (y == label).nonzero(), (valid_y == other).nonzero()[:, 0]
            f, g = potentials(cost[rows, columns], entropy, converged)
            pairs[rows, columns] = f.mean() + g.mean()
    return pairs


def potentials(cost: Tensor, entropy: float, converged: bool) -> tuple[Tensor, Tensor]:
    """Dual potentials f (n,) and g (m,) of entropic transport between uniform weights, by Sinkhorn in logarithms.

    As in GeomLoss, there is a round for each of several ε, which start at twice the largest cost and fall by a factor
    of 4. A round averages the old potentials with the new; the last round takes the new. If `converged`, rounds at the
    final ε follow until the potentials no longer change.
    """

    def best(scale: float, other: Tensor, costs: Tensor) -> Tensor:
        part: Tensor = -scale * (((other - costs) / scale).logsumexp(1) - log(costs.shape[1]))
        return part

    scales = 2 * [max(2 * float(cost.max()), entropy)]
    f, g = (best(scales[0], costs.new_zeros(costs.shape[1]), costs) for costs in (cost, cost.T))
    while scales[-1] / 4 > entropy:
        scales.append(scales[-1] / 4)
    for scale in [*scales, entropy]:
        f, g = (f + best(scale, g, cost)) / 2, (g + best(scale, f, cost.T)) / 2
    f, g = best(entropy, g, cost), best(entropy, f, cost.T)
    for _ in range(ROUNDS if converged else 0):
        before, f = f, best(entropy, g, cost)
        g = best(entropy, f, cost.T)
        if (f - before).abs().max() < PRECISION * entropy:
            break
    else:
        if converged:
            warnings.warn(f"lava: Sinkhorn has not converged in {ROUNDS} rounds: raise entropy", NotConverged, 3)
    return f, g
