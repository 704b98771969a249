"""Captum's own implementations, each called in the fastest way that captum documents."""

from importlib import import_module
from typing import Any

from torch import Tensor, nn

from ...bench.problem.examples import Examples
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..gradients.selection import Layers
from .inputs import SUMMED, copied, loader, modules, quietly, scores


@method(family="peer", paper="captum: TracInCP", uses={"validation", "checkpoints"}, package="captum")
def captum_tracin(problem: Problem, layers: Layers = "last") -> Scores:
    """As `tracin`, by captum's TracInCP with sample-wise gradients.

    When: you compare with captum's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows; a checkpoint's weight is its learning rate.
        layers: the layers whose gradients are used; with `all`, captum leaves out all layers but linear layers
            and convolutions.

    Cost (gradients): captum's own, with the gradients of a batch in memory.
    """
    return scores(-traced(problem, layers, problem.validation))


@method(family="peer", paper="captum: TracInCP, self-influence", uses={"checkpoints"}, package="captum")
def captum_tracin_self(problem: Problem, layers: Layers = "last") -> Scores:
    """As `tracin-self`, by captum's TracInCP with sample-wise gradients.

    When: you compare with captum's own implementation: its scores and its cost.

    Args:
        problem: a classifier; a checkpoint's weight is its learning rate.
        layers: the layers whose gradients are used; with `all`, captum leaves out all layers but linear layers
            and convolutions.

    Cost (gradients): captum's own, with the gradients of a batch in memory.
    """
    return scores(traced(problem, layers))


@method(family="peer", paper="captum: TracInCPFast, self-influence", uses={"checkpoints"}, package="captum")
def captum_tracin_fast(problem: Problem) -> Scores:
    """As `tracin-self` on the last layer without its bias, which captum's TracInCPFast leaves out.

    When: you compare with captum's own implementation: its scores and its cost.

    Args:
        problem: a classifier whose last layer is linear; a checkpoint's weight is its learning rate.

    Cost (gradients): captum's own: about two forward passes per checkpoint.
    """
    return scores(fast(problem, "last"))


@method(family="peer", paper="captum: ArnoldiInfluenceFunction", uses={"validation"}, package="captum")
def captum_arnoldi(
    problem: Problem, rank: int = 50, steps: int = 100, damping: float = 0.01, layers: Layers = "last"
) -> Scores:
    """As `arnoldi`, by captum's ArnoldiInfluenceFunction.

    When: you compare with captum's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows.
        rank: largest number of eigenvalues.
        steps: number of steps of the Arnoldi iteration.
        damping: λ for the Hessian of the mean training loss; captum gets n λ, since its Hessian is that of the sum.
        layers: the layers whose gradients are used.

    Cost (iterative): captum's own: about three epochs per step.
    """
    with quietly(problem.seed):
        function = arnoldi(problem, rank, steps, damping, layers)
        valid = problem.validation.to(problem.device)
        return scores(-len(problem.train) * function.influence((valid.x, valid.y)).mean(0))


@method(family="peer", paper="captum: ArnoldiInfluenceFunction, self-influence", package="captum")
def captum_arnoldi_self(
    problem: Problem, rank: int = 50, steps: int = 100, damping: float = 0.01, layers: Layers = "last"
) -> Scores:
    """As `arnoldi-self`, by captum's ArnoldiInfluenceFunction.

    When: you compare with captum's own implementation: its scores and its cost.

    Args:
        problem: a classifier.
        rank: largest number of eigenvalues.
        steps: number of steps of the Arnoldi iteration.
        damping: λ for the Hessian of the mean training loss; captum gets n λ, since its Hessian is that of the sum.
        layers: the layers whose gradients are used.

    Cost (iterative): captum's own: about three epochs per step.
    """
    with quietly(problem.seed):
        function = arnoldi(problem, rank, steps, damping, layers)
        return scores(len(problem.train) * function.self_influence())


def traced(problem: Problem, layers: Layers, query: Examples | None = None) -> Tensor:
    """Inner products of gradients with the query's mean gradient, or squared norms without a query, by TracInCP."""
    chosen = None if layers == "all" else modules(problem, layers)
    options = over_checkpoints(problem) | {"layers": chosen, "sample_wise_grads_per_batch": True}
    with quietly(problem.seed):
        library = import_module("captum.influence")
        tracin = library.TracInCP(copied(problem, layers), loader(problem, problem.train), **options)
        if query is None:
            norms: Tensor = tracin.self_influence()
            return norms
        total: Tensor = tracin.influence(loader(problem, query), aggregate=True)[0]
        return total / len(query)


def fast(problem: Problem, layers: Layers) -> Tensor:
    """Squared norms of the gradients of a single layer's weights, summed over the checkpoints, by TracInCPFast."""
    (layer,) = modules(problem, layers)
    with quietly(problem.seed):
        library, train = import_module("captum.influence"), loader(problem, problem.train)
        tracin = library.TracInCPFast(copied(problem, layers), layer, train, **over_checkpoints(problem))
        norms: Tensor = tracin.self_influence()
        return norms


def over_checkpoints(problem: Problem) -> dict[str, Any]:
    """Captum's options for the checkpoints, which it loads by name, and for the loss."""
    states = [(problem.state_at(checkpoint), checkpoint.learning_rate) for checkpoint in problem.checkpoints]

    def load(model: nn.Module, name: str) -> float:
        state, learning_rate = states[int(name)]
        model.load_state_dict(state, strict=False)  # the state has a shared tensor under its first name only
        return learning_rate

    return {"checkpoints": [str(k) for k in range(len(states))], "checkpoints_load_func": load, "loss_fn": SUMMED}


def arnoldi(problem: Problem, rank: int, steps: int, damping: float, layers: Layers) -> Any:
    """Captum's Arnoldi influence function for the model as it stands; `captum.influence` does not export it."""
    function = import_module("captum.influence._core.arnoldi_influence_function").ArnoldiInfluenceFunction
    return function(
        copied(problem, layers),
        loader(problem, problem.train),
        "",
        checkpoints_load_func=lambda *_: 1.0,
        layers=modules(problem, layers),
        loss_fn=SUMMED,
        sample_wise_grads_per_batch=True,
        projection_dim=rank,
        seed=problem.seed,
        arnoldi_dim=steps,
        arnoldi_tol=1e-3,
        hessian_reg=damping * len(problem.train),
    )
