"""K-FAC and EK-FAC: influence with the Fisher information in Kronecker-factored eigenbases."""

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

    When: you would take `ekfac`, which is closer to the curvature, but want to save one pass.

    Args:
        problem: with validation rows, whose mean gradient is v.
        damping: λ as a share of the layer's mean eigenvalue; above 0.
        layers: the layers whose gradients are used.
        labels: `sampled` from the model's own probabilities, which gives the Fisher information, or `given`, which
            gives the empirical Fisher matrix.
        against: the rows that v averages over: `validation`, `training`, or `classes`, which takes the validation rows
            of the class that the sample harms most.

    Cost (gradients): two passes, or three if the gradients of some parameters are no sum of outer products; the first
    with O(width²) more multiplications per sample, position and layer; O(width³) for the basis.

    Raises:
        InputError: if damping is not above 0, or labels are sampled and the problem has a loss of its own.
    """
    space = gradient_space(problem, layers)
    return influence(space, fisher(problem, [space], "kfac", labels).inverse(damping), against)


@method(family="influence function", paper="Grosse & Martens 2016; Koh & Liang 2017, section 5.4 (self-influence)")
def kfac_self(problem: Problem, damping: float = 0.1, layers: Layers = "last", labels: Labels = "sampled") -> Scores:
    """gᵀ(F + λI)⁻¹g with the Fisher information F as a Kronecker product E[aaᵀ] ⊗ E[δδᵀ], layer by layer.

    When: you would take `ekfac-self`, which is closer to the curvature, but want to save one pass.

    Args:
        problem: the trained model and its training rows.
        damping: λ as a share of the layer's mean eigenvalue; above 0.
        layers: the layers whose gradients are used.
        labels: `sampled` from the model's own probabilities, which gives the Fisher information, or `given`, which
            gives the empirical Fisher matrix.

    Cost (gradients): two passes, or three if the gradients of some parameters are no sum of outer products; each with
    O(width²) more multiplications per sample, position and layer; O(width³) for the basis.

    Raises:
        InputError: if damping is not above 0, or labels are sampled and the problem has a loss of its own.
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

    When: you want influence through all layers of a network whose curvature is too large to form. For a small last
    layer take `influence-exact`.

    Args:
        problem: with validation rows, whose mean gradient is v.
        damping: λ as a share of the layer's mean eigenvalue; above 0.
        layers: the layers whose gradients are used.
        labels: `sampled` from the model's own probabilities, which gives the Fisher information, or `given`, which
            gives the empirical Fisher matrix.
        against: the rows that v averages over: `validation`, `training`, or `classes`, which takes the validation rows
            of the class that the sample harms most.

    Cost (gradients): three passes, each with O(width²) more multiplications per sample, position and layer; O(width³)
    for the basis.

    Raises:
        InputError: if damping is not above 0, or labels are sampled and the problem has a loss of its own.
    """
    space = gradient_space(problem, layers)
    return influence(space, fisher(problem, [space], "ekfac", labels).inverse(damping), against)


@method(family="influence function", paper="Grosse et al. 2023; Bejan et al. 2023 (self-influence)")
def ekfac_self(problem: Problem, damping: float = 0.1, layers: Layers = "last", labels: Labels = "sampled") -> Scores:
    """gᵀ(F + λI)⁻¹g with the Fisher information F in its Kronecker-factored eigenbasis, layer by layer.

    When: you have no trusted rows, and a gradient should count by how unusual it is for its layer. It
    takes three passes.

    Args:
        problem: the trained model and its training rows.
        damping: λ as a share of the layer's mean eigenvalue; above 0.
        layers: the layers whose gradients are used.
        labels: `sampled` from the model's own probabilities, which gives the Fisher information, or `given`, which
            gives the empirical Fisher matrix.

    Cost (gradients): three passes, each with O(width²) more multiplications per sample, position and layer; O(width³)
    for the basis.

    Raises:
        InputError: if damping is not above 0, or labels are sampled and the problem has a loss of its own.
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
    """-vᵀC⁻¹g / √(gᵀC⁻¹g), or / ‖C⁻¹g‖: influence relative to the sample's whole effect; 0 for a sample whose g is 0.

    When: other influence functions always return the same few rows, those with large gradients. This method prefers
    rows that affect your validation rows in particular.

    Args:
        problem: with validation rows, whose mean gradient is v.
        relative_to: the sample's effect on its own `loss` (ℓ-RelatIF), or on the `parameters` (θ-RelatIF).
        curvature: the form of the damped Fisher information C, `kfac` or `ekfac`.
        damping: λ as a share of the layer's mean eigenvalue; above 0.
        layers: the layers whose gradients are used.
        labels: `sampled` from the model's own probabilities, which gives the Fisher information, or `given`, which
            gives the empirical Fisher matrix.
        against: the rows that v averages over: `validation`, `training`, or `classes`, which takes the validation rows
            of the class that the sample harms most.

    Cost (gradients): four passes, each with O(width²) more multiplications per sample, position and layer; O(width³)
    for the basis.

    Raises:
        InputError: if damping is not above 0, or labels are sampled and the problem has a loss of its own.
    """
    space = gradient_space(problem, layers)
    inverse = fisher(problem, [space], curvature, labels).inverse(damping)
    return relative_influence(space, inverse, against, power={"loss": 1, "parameters": 2}[relative_to])
