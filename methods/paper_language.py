"""Rows of Chhabra et al. 2025, sections 6 and 7, as their code runs them, to be set beside the sound ones."""

from ..bench.problem import Problem, Scores
from ..bench.registry import method
from .datainf import datainf
from .gradients import Layers


@method(family="influence function", paper="DataInf of Chhabra et al. 2025, section 6, as its code runs it")
def datainf_paper(problem: Problem, damping: float = 0.1, layers: Layers = "last") -> Scores:
    """DataInf against the training rows, turned round: most suspect is what lies most along their mean gradient.

    What differs from `datainf`: v is the mean gradient of the training rows, of no trusted ones, and what is trimmed
    are the lowest values of -vᵀH⁻¹g, which DataInf itself holds for the most helpful. Where the wrong labels make up
    most of v, these are the rows that help each other to be learnt by heart.

    When: the paper's figures are to be set beside ours; else take `datainf`.

    Args:
        problem: the trained model and its training rows.
        damping: λ_l as a share of the mean square of the layer's gradient entries.
        layers: whose parameters the gradients are taken for.

    Cost (gradients): that of `datainf`.
    """
    return -datainf(problem, damping, layers, "training")
