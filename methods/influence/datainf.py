"""DataInf: the inverse of a mean curvature, approximated by the mean of the samples' inverses, each in closed form."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ...bench.errors import InputError
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..gradients import reduction
from ..gradients.selection import Layers
from ..gradients.space import gradient_space
from ..labels.neighbours import chunks
from ..queries import Against, most_harmful, queries

NUMBERS = 6
"""float64 numbers that `datainf_self` holds for each row and layer, beside the gradients."""


@method(
    family="influence function",
    paper="Kwon et al. 2024, eq. 5",
    uses={"validation"},
    unless={"validation": {"against": "training"}},
)
def datainf(problem: Problem, damping: float = 0.1, layers: Layers = "last", against: Against = "validation") -> Scores:
    """-Σ_l h_l·g_l with h_l = (1/nλ_l) Σ_i (v_l - (v_l·g_il)/(λ_l + ‖g_il‖²) g_il), layer by layer.

    When: there are many parameters in small layers, as in adapters: it needs no iteration and no matrix. For large
    layers its average of inverses is far from the inverse of the average.

    Args:
        problem: with validation rows, whose mean gradient is v.
        damping: λ_l as a share of the mean square of the layer's gradient entries.
        layers: the layers whose gradients are used.
        against: the rows that v averages over: `validation`, `training`, or `classes`, which takes the validation rows
            of the class that the sample harms most.

    Cost (gradients): one forward pass for the last layer, else three epochs.

    Raises:
        InputError: if damping is not above 0.
    """
    space = gradient_space(problem, layers)
    gradients, vs = space.train, queries(space, against)
    squared, *alongs = gradients.reduce(reduction.squared_l2(), *(reduction.inner(v) for v in vs))
    lam = lambdas(squared, space.layer_sizes, damping)
    shares = (lam.min() / lam).nan_to_num().tolist()  # all layers' products come from one direction

    def helpful(along: Tensor) -> Tensor:
        removed = gradients.weighted_sum(along / (lam + squared) / len(gradients))
        scaled = {name: shares[space.layer_of[name]] * part for name, part in removed.items()}
        return (along / lam).sum(1) - gradients.inner(scaled) / lam.min()

    return most_harmful(torch.stack([helpful(along) for along in alongs], 1))


@method(family="influence function", paper="Kwon et al. 2024, eq. 5, of each sample on itself")
def datainf_self(problem: Problem, damping: float = 0.1, layers: Layers = "last") -> Scores:
    """Σ_l (1/λ_l) (‖g_l‖² - (1/n) Σ_i (g_l·g_il)² / (λ_l + ‖g_il‖²)), with the curvature of all n samples.

    When: you have no trusted rows and want self-influence without inverting a matrix; `ekfac-self` takes less memory.

    Args:
        problem: the trained model and its training rows.
        damping: λ_l as a share of the mean square of the layer's gradient entries.
        layers: the layers whose gradients are used, with d_l parameters in layer l.

    Cost (gradients): one forward pass for the last layer, else one epoch, and O(n d_l min(n, d_l)) for each layer;
    refused if the gradients (n, p), and a layer's matrix (d_l, d_l) where d_l ≤ n, are above the memory budget.

    Raises:
        InputError: if damping is not above 0, or the gradients are above the memory budget.
    """
    space = gradient_space(problem, layers)
    n, sizes = len(problem.train), space.layer_sizes.tolist()
    narrow = max((size for size in sizes if size <= n), default=0)
    by_layer = space.train.matrix(beside=8 * (narrow**2 + NUMBERS * n * len(sizes))).split(sizes, 1)
    slices = [list(chunks(problem, n, size)) for size in sizes]
    squared = torch.stack(
        [
            torch.cat([g[rows].double().square().sum(1) for rows in of_g])
            for g, of_g in zip(by_layer, slices, strict=True)
        ],
        1,
    )
    lam = lambdas(squared, space.layer_sizes.to(squared.device), damping)
    weights = 1 / (lam + squared) / n
    scores = torch.zeros_like(squared[:, 0])
    for g, of_g, g_squared, w, lam_l in zip(by_layer, slices, squared.unbind(1), weights.unbind(1), lam, strict=True):
        scores += (g_squared - _removed(g, w, of_g)) / lam_l
    return scores.cpu().numpy()


def _removed(g: Tensor, weights: Tensor, slices: Sequence[slice]) -> Tensor:
    """Σ_i w_i (g·g_i)² (n,), float64, for each row g of (n, d), with some rows in float64 at a time.

    Args:
        g: the rows (n, d).
        weights: w (n,).
        slices: which rows to take at a time.
    """

    def parts() -> Iterator[tuple[Tensor, Tensor]]:
        return ((g[rows].double(), weights[rows]) for rows in slices)

    if g.shape[1] <= len(g):
        curvature = torch.zeros(g.shape[1], g.shape[1], dtype=torch.float64)
        for part, w in parts():
            curvature.addmm_((w[:, None] * part).T, part)
        return torch.cat([(part @ curvature * part).sum(1) for part, _ in parts()])
    alone = (torch.stack([(part @ other.T).square() @ w for other, w in parts()]).sum(0) for part, _ in parts())
    return torch.cat(list(alone))


def lambdas(squared: Tensor, layer_sizes: Tensor, damping: float) -> Tensor:
    """λ_l (layers,): the damping times the mean square of the layer's gradient entries; infinite if these are all 0.

    Args:
        squared: squared L2 norms (n, layers) of the gradients.
        layer_sizes: number of parameters of each layer, (layers,).
        damping: the share.

    Raises:
        InputError: if the damping is not above 0.
    """
    if damping <= 0:
        raise InputError(f"damping={damping} does not fit: it must be above 0")
    lam = damping * squared.mean(0) / layer_sizes
    return torch.where(lam > 0, lam, torch.inf)
