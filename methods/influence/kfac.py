"""K-FAC and EK-FAC: influence by the Fisher information in Kronecker-factored eigenbases."""

from typing import Literal

from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..gradients.selection import Layers
from ..gradients.space import gradient_space
from ..queries import Against
from .fisher import Form, Labels, fisher
from .inverse import influence, relative_influence, self_influence


@method(
    family="influence function",
    paper="Martens & Grosse 2015; Grosse & Martens 2016",
    uses={"validation"},
    unless={"validation": {"against": "training"}},
)
def kfac(
    problem: Problem,
    damping: float = 0.1,
    layers: Layers = "last",
    labels: Labels = "sampled",
    against: Against = "validation",
) -> Scores:
    """-vᵀ(F + λI)⁻¹g with the Fisher information F as a Kronecker product E[aaᵀ] ⊗ E[δδᵀ], layer by layer.

    When: as `ekfac`, which is nearer to the curvature, where one pass less counts.

    Args:
        problem: with validation rows, whose mean gradient is v.
        damping: λ as a share of the layer's mean eigenvalue, above 0.
        layers: whose parameters the gradients are taken for.
        labels: `sampled` from the model's own probabilities, as the Fisher information has them, or `given`.
        against: the validation rows, the class of them that suffers most, or the training rows.

    Cost (gradients): two passes, three where parameters are no outer product's, and products with the square of the
    layers' widths in the first; O(width³) for the basis.
    """
    space = gradient_space(problem, layers)
    return influence(space, fisher(problem, [space], "kfac", labels).inverse(damping), against)


@method(family="influence function", paper="Grosse & Martens 2016; Koh & Liang 2017, section 5.4 (self-influence)")
def kfac_self(problem: Problem, damping: float = 0.1, layers: Layers = "last", labels: Labels = "sampled") -> Scores:
    """gᵀ(F + λI)⁻¹g with the Fisher information F as a Kronecker product E[aaᵀ] ⊗ E[δδᵀ], layer by layer.

    When: as `ekfac-self`, which is nearer to the curvature, where one pass less counts.

    Args:
        problem: the trained model and its training rows.
        damping: λ as a share of the layer's mean eigenvalue, above 0.
        layers: whose parameters the gradients are taken for.
        labels: `sampled` from the model's own probabilities, as the Fisher information has them, or `given`.

    Cost (gradients): two passes, three where parameters are no outer product's, and in each products with the square of
    the layers' widths; O(width³) for the basis.
    """
    space = gradient_space(problem, layers)
    return self_influence(space, fisher(problem, [space], "kfac", labels).inverse(damping))


@method(
    family="influence function",
    paper="Grosse et al. 2023, eq. 20; George et al. 2018",
    uses={"validation"},
    unless={"validation": {"against": "training"}},
)
def ekfac(
    problem: Problem,
    damping: float = 0.1,
    layers: Layers = "last",
    labels: Labels = "sampled",
    against: Against = "validation",
) -> Scores:
    """-vᵀ(F + λI)⁻¹g with the Fisher information F in its Kronecker-factored eigenbasis, layer by layer.

    When: influence through all layers of a network is wanted, whose curvature is too large to form. For a small last
    layer take `influence-exact`.

    Args:
        problem: with validation rows, whose mean gradient is v.
        damping: λ as a share of the layer's mean eigenvalue, above 0.
        layers: whose parameters the gradients are taken for.
        labels: `sampled` from the model's own probabilities, as the Fisher information has them, or `given`.
        against: the validation rows, the class of them that suffers most, or the training rows.

    Cost (gradients): three passes and, in each, products with the square of the layers' widths; O(width³) for the
    basis.
    """
    space = gradient_space(problem, layers)
    return influence(space, fisher(problem, [space], "ekfac", labels).inverse(damping), against)


@method(family="influence function", paper="Grosse et al. 2023; Bejan et al. 2023 (self-influence)")
def ekfac_self(problem: Problem, damping: float = 0.1, layers: Layers = "last", labels: Labels = "sampled") -> Scores:
    """gᵀ(F + λI)⁻¹g with the Fisher information F in its Kronecker-factored eigenbasis, layer by layer.

    When: nobody can vouch for any rows, and gradients should count by how unusual they are for the layer: in the quick
    suite tied with the best, for three passes.

    Args:
        problem: the trained model and its training rows.
        damping: λ as a share of the layer's mean eigenvalue, above 0.
        layers: whose parameters the gradients are taken for.
        labels: `sampled` from the model's own probabilities, as the Fisher information has them, or `given`.

    Cost (gradients): three passes and, in each, products with the square of the layers' widths; O(width³) for the
    basis.
    """
    space = gradient_space(problem, layers)
    return self_influence(space, fisher(problem, [space], "ekfac", labels).inverse(damping))


@method(
    family="influence function",
    paper="Barshan et al. 2020, definitions of θ- and ℓ-RelatIF",
    uses={"validation"},
    unless={"validation": {"against": "training"}},
)
def relatif(
    problem: Problem,
    relative_to: Literal["loss", "parameters"] = "loss",
    curvature: Form = "ekfac",
    damping: float = 0.1,
    layers: Layers = "last",
    labels: Labels = "sampled",
    against: Against = "validation",
) -> Scores:
    """-vᵀC⁻¹g / √(gᵀC⁻¹g), or / ‖C⁻¹g‖: influence relative to what the sample changes at all; 0 without a gradient.

    When: influence keeps naming the same few rows of large gradients: it looks for those with an effect on these
    validation rows in particular.

    Args:
        problem: with validation rows, whose mean gradient is v.
        relative_to: the sample's change of its own `loss` (ℓ-RelatIF), or of the `parameters` (θ-RelatIF).
        curvature: C, the damped Fisher information by K-FAC or EK-FAC.
        damping: λ as a share of the layer's mean eigenvalue, above 0.
        layers: whose parameters the gradients are taken for.
        labels: `sampled` from the model's own probabilities, as the Fisher information has them, or `given`.
        against: the validation rows, the class of them that suffers most, or the training rows.

    Cost (gradients): four passes and, in each, products with the square of the layers' widths; O(width³) for the basis.
    """
    space = gradient_space(problem, layers)
    inverse = fisher(problem, [space], curvature, labels).inverse(damping)
    return relative_influence(space, inverse, against, power={"loss": 1, "parameters": 2}[relative_to])
