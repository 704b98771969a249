"""DataInf: the inverse of an average replaced by the average of rank-one inverses."""

import torch
from torch import Tensor

from ..bench.errors import InputError
from ..bench.problem import Problem, Scores
from ..bench.registry import method
from .against import Against, most_harmful, queries
from .gradients import Layers, gradient_space, reduction


@method(family="influence function", paper="Kwon et al. 2024, eq. 5", uses={"validation"})
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
    if damping <= 0:
        raise InputError(f"damping={damping} does not fit: it must be above 0")
    space = gradient_space(problem, layers)
    gradients, vs = space.train, queries(space, against)
    squared, *alongs = gradients.reduce(reduction.squared_l2(), *(reduction.inner(v) for v in vs))
    lam: Tensor = (damping * squared.mean(0) / space.layer_sizes).clamp(min=torch.finfo(torch.float64).tiny)

    def helpful(along: Tensor) -> Tensor:
        removed = gradients.weighted_sum(along / (lam + squared) / len(gradients))
        return ((along - gradients.inner_by_layer(removed)) / lam).sum(1)

    return most_harmful(torch.stack([helpful(along) for along in alongs], 1))
