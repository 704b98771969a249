"""Influence, self-influence and relative influence, by any form of the inverse curvature."""

from typing import Protocol

from torch import Tensor

from ...bench.problem.problem import Scores
from ..gradients.reduction import Direction
from ..gradients.space import GradientSpace
from ..gradients.stream import Gradients
from ..queries import Against, most_harmful, products, queries, reciprocal


class InverseCurvature(Protocol):
    """The inverse C⁻¹ of a damped curvature C of the mean training loss, in any form."""

    def times(self, direction: Direction) -> Direction:
        """C⁻¹v of a direction v."""

    def quadratic(self, gradients: Gradients, power: int = 1) -> Tensor:
        """gᵀC⁻ᵖg (n,), float64, for the power p."""


def influence(space: GradientSpace, inverse: InverseCurvature, against: Against) -> Scores:
    """-vᵀC⁻¹g (n,) for the mean gradient v of the rows that `against` names."""
    return most_harmful(products(space.train, [inverse.times(v) for v in queries(space, against)]))


def self_influence(space: GradientSpace, inverse: InverseCurvature) -> Scores:
    """gᵀC⁻¹g (n,): the influence of each sample on its own loss."""
    scores: Scores = inverse.quadratic(space.train).numpy()
    return scores


def relative_influence(space: GradientSpace, inverse: InverseCurvature, against: Against, power: int) -> Scores:
    """-vᵀC⁻¹g / √(gᵀC⁻ᵖg) (n,); 0 for a sample without a gradient."""
    ihvps = [inverse.times(v) for v in queries(space, against)]
    lengths = inverse.quadratic(space.train, power).clamp(min=0).sqrt()
    return most_harmful(products(space.train, ihvps) * reciprocal(lengths)[:, None])
