"""DataInf: the inverse of an average replaced by the average of rank-one inverses."""

import torch
from torch import Tensor

from ...bench.errors import InputError
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..gradients import reduction
from ..gradients.selection import Layers
from ..gradients.space import gradient_space
from ..queries import Against, most_harmful, queries


@method(
    family="influence function",
    paper="Kwon et al. 2024, eq. 5",
    uses={"validation"},
    unless={"validation": {"against": "training"}},
)
def datainf(problem: Problem, damping: float = 0.1, layers: Layers = "last", against: Against = "validation") -> Scores:
    """-Σ_l h_l·g_l with h_l = (1/nλ_l) Σ_i (v_l - (v_l·g_il)/(λ_l + ‖g_il‖²) g_il), layer by layer.

    When: the parameters are many and come in small layers, as adapters do: no iteration, no matrix. Its average of
    inverses is far from the inverse where layers are large.

    Args:
        problem: with validation rows, whose mean gradient is v.
        damping: λ_l as a share of the mean square of the layer's gradient entries.
        layers: whose parameters the gradients are taken for.
        against: the validation rows, the class of them that suffers most, or the training rows.

    Cost (gradients): one forward pass for the last layer, else three epochs.
    """
    space = gradient_space(problem, layers)
    gradients, vs = space.train, queries(space, against)
    squared, *alongs = gradients.reduce(reduction.squared_l2(), *(reduction.inner(v) for v in vs))
    lam = lambdas(squared, space.layer_sizes, damping)

    def helpful(along: Tensor) -> Tensor:
        removed = gradients.weighted_sum(along / (lam + squared) / len(gradients))
        return ((along - gradients.inner_by_layer(removed)) / lam).sum(1)

    return most_harmful(torch.stack([helpful(along) for along in alongs], 1))


@method(family="influence function", paper="Kwon et al. 2024, eq. 5, of each sample on itself")
def datainf_self(problem: Problem, damping: float = 0.1, layers: Layers = "last") -> Scores:
    """Σ_l (1/λ_l) (‖g_l‖² - (1/n) Σ_i (g_l·g_il)² / (λ_l + ‖g_il‖²)), with the curvature of all n samples.

    When: self-influence is wanted without the inverse of a curvature; `ekfac-self` takes less memory.

    Args:
        problem: the trained model and its training rows.
        damping: λ_l as a share of the mean square of the layer's gradient entries.
        layers: whose parameters the gradients are taken for, d_l of them in a layer.

    Cost (gradients): one forward pass for the last layer, else one epoch, and O(n d_l min(n, d_l)) for each layer;
    refused where the gradients (n, p) are above the memory budget.
    """
    space = gradient_space(problem, layers)
    by_layer = space.train.matrix().double().split(space.layer_sizes.tolist(), 1)
    squared = torch.stack([g.square().sum(1) for g in by_layer], 1)
    lam = lambdas(squared, space.layer_sizes.to(squared.device), damping)
    weights = 1 / (lam + squared) / len(squared)
    scores = torch.zeros_like(squared[:, 0])
    for g, own, w, one in zip(by_layer, squared.unbind(1), weights.unbind(1), lam, strict=True):
        wide = g.shape[1] > len(g)
        removed = (g @ g.T).square() @ w if wide else (g @ (g.T @ (w[:, None] * g)) * g).sum(1)
        scores += (own - removed) / one
    return scores.cpu().numpy()


def lambdas(squared: Tensor, layer_sizes: Tensor, damping: float) -> Tensor:
    """λ_l (layers,): a share of the mean square of the layer's gradient entries.

    Raises:
        InputError: if the damping is not above 0.
    """
    if damping <= 0:
        raise InputError(f"damping={damping} does not fit: it must be above 0")
    return (damping * squared.mean(0) / layer_sizes).clamp(min=torch.finfo(torch.float64).tiny)
