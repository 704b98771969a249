"""DataInf between rows."""

import torch

from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..gradients.selection import Layers
from ..gradients.space import gradient_space
from ..influence.datainf import lambdas
from .pooling import Pooled, pooled_scores


@method(
    family="influential data",
    paper="Kwon et al. 2024, eq. 5",
    uses={"validation", "groups"},
    pairwise=True,
    unless={"groups": {"pooled": "none"}},
)
def pairwise_datainf(
    problem: Problem, damping: float = 0.1, layers: Layers = "last", pooled: Pooled = "none"
) -> Scores:
    """Σ_l h_l·g_l with h_l = (1/nλ_l) Σ_i (v_l - (v_l·g_il)/(λ_l + ‖g_il‖²) g_il), v the validation row's gradient.

    When: you ask which training rows a prediction comes from, and the model has adapters.

    Args:
        problem: with validation rows.
        damping: λ_l as a share of the mean square of the entries of layer l's gradients.
        layers: the layers whose gradients are used, with p parameters.
        pooled: `none`, or `groups` for the mean over the training rows of each kind.

    Cost (gradients): two forward passes for the last layer, else two epochs, and O(n m p) for m validation rows;
    refused where the gradients (n, p) are above the memory budget.
    """
    space = gradient_space(problem, layers)
    both, pairs = (space.train, space.valid), len(space.train) * len(space.valid)
    numbers = 4 * pairs + len(space.valid) * space.size
    train, valid = (rows.matrix(torch.float64, 8 * numbers).split(space.layer_sizes.tolist(), 1) for rows in both)
    squared = torch.stack([g.square().sum(1) for g in train], 1)
    lam = lambdas(squared, space.layer_sizes.to(squared.device), damping)
    influence = torch.zeros(len(train[0]), len(valid[0]), dtype=torch.float64)
    for g, v, lengths, damped in zip(train, valid, squared.unbind(1), lam, strict=True):
        along = g @ v.T
        influence += (along - g @ (g.T @ (along / (damped + lengths)[:, None])) / len(g)) / damped
    return pooled_scores(influence, problem, pooled)
