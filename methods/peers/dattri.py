"""Dattri's own implementations.

Where dattri sums over batches a quantity that is not a sum, its curvature gets all rows as a single batch.
"""

from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from ...bench.problem.examples import Examples
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..checkpoints import Checkpoints, over
from ..gradients.selection import Layers
from ..influence.projected import log_odds
from .inputs import OneQuery, as_one, copied, loader, mean_loss, parameters, quietly, scores, size


@method(family="peer", paper="dattri: TracInAttributor", uses={"validation", "checkpoints"}, package="dattri")
def dattri_tracin(problem: Problem, layers: Layers = "last") -> Scores:
    """As `tracin`, by dattri without its random projection.

    When: you compare with dattri's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows; a checkpoint's weight is its learning rate.
        layers: the layers whose gradients are used.

    Cost (gradients): dattri's own: it computes the gradients of all parameters, whatever the layers.
    """
    return scores(-traced(problem, layers, problem.validation))


@method(family="peer", paper="dattri: IFAttributorExplicit", uses={"validation"}, package="dattri")
def dattri_influence_exact(problem: Problem, damping: float = 0.01, layers: Layers = "last") -> Scores:
    """As `influence-exact`, by dattri.

    When: you compare with dattri's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows.
        damping: λ ≥ 0.
        layers: the layers whose gradients are used.

    Cost (iterative): dattri's own: the Hessian (p, p) of all rows at once.
    """
    return influence(problem, "IFAttributorExplicit", layers, regularization=damping)


@method(family="peer", paper="dattri: IFAttributorCG", uses={"validation"}, package="dattri")
def dattri_influence_cg(problem: Problem, damping: float = 0.01, steps: int = 10, layers: Layers = "last") -> Scores:
    """As `influence-cg`, by dattri, which always does all steps, and divides 0 by 0 if it converges earlier.

    When: you compare with dattri's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows.
        damping: λ ≥ 0.
        steps: number of iterations; the default is dattri's own.
        layers: the layers whose gradients are used.

    Cost (iterative): dattri's own: about three epochs per step.
    """
    return influence(problem, "IFAttributorCG", layers, regularization=damping, max_iter=steps)


@method(family="peer", paper="dattri: IFAttributorLiSSA", uses={"validation"}, package="dattri")
def dattri_lissa(
    problem: Problem,
    damping: float = 0.01,
    scale: float = 50.0,
    steps: int = 50,
    samples_per_step: int = 256,
    layers: Layers = "last",
) -> Scores:
    """As `lissa`, by dattri, whose scale does not follow the curvature.

    When: you compare with dattri's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows.
        damping: λ > 0; dattri gets λ / scale.
        scale: above half the largest eigenvalue; the default is dattri's own. The series needs about scale/λ steps.
        steps: number of steps of the series; the default is a hundredth of dattri's own, since a step takes dattri a
            fifth of a second.
        samples_per_step: number of training rows in each Hessian-vector product.
        layers: the layers whose gradients are used.

    Cost (iterative): dattri's own: about 3 × steps × samples_per_step / n epochs.
    """
    options = {"damping": damping / scale, "scaling": scale, "recursion_depth": steps, "batch_size": samples_per_step}
    return influence(problem, "IFAttributorLiSSA", layers, **options)


@method(family="peer", paper="dattri: IFAttributorArnoldi", uses={"validation"}, package="dattri")
def dattri_arnoldi(
    problem: Problem, rank: int = 10, steps: int = 100, damping: float = 0.01, layers: Layers = "last"
) -> Scores:
    """As `arnoldi`, by dattri.

    When: you compare with dattri's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows.
        rank: largest number of eigenvalues; dattri takes their square roots, and all scores are NaN if an eigenvalue is
            below -λ or 0.
        steps: number of steps of the Arnoldi iteration, below the number of parameters.
        damping: λ ≥ 0.
        layers: the layers whose gradients are used.

    Cost (iterative): dattri's own: about three epochs per step.
    """
    most = size(problem, layers) - 1
    options = {"proj_dim": min(rank, most), "max_iter": min(steps, most), "regularization": damping}
    return influence(problem, "IFAttributorArnoldi", layers, **options)


@method(family="peer", paper="dattri: IFAttributorDataInf", uses={"validation"}, package="dattri")
def dattri_datainf(problem: Problem, damping: float = 0.01, layers: Layers = "last") -> Scores:
    """As `datainf`, by dattri, with one λ for all layers.

    When: you compare with dattri's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows.
        damping: λ itself, while `datainf` takes a share of the mean square of a layer's gradient entries.
        layers: the layers whose gradients are used.

    Cost (gradients): dattri's own, with the gradients (n, p) in memory.
    """
    return influence(problem, "IFAttributorDataInf", layers, regularization=damping)


@method(
    family="peer",
    paper="dattri: TRAKAttributor",
    uses={"validation", "checkpoints"},
    package="dattri",
    unless={"checkpoints": {"checkpoints": "last"}},
)
def dattri_trak(
    problem: Problem, k: int = 512, damping: float = 0.1, layers: Layers = "last", checkpoints: Checkpoints = "last"
) -> Scores:
    """As `trak`, by dattri.

    When: you compare with dattri's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows.
        k: number of columns of the projection, at most the number of parameters.
        damping: λ itself, while `trak` takes a share of the mean eigenvalue.
        layers: the layers whose gradients are used.
        checkpoints: `last`, the model as it stands, or `all`, the mean over all.

    Cost (gradients): dattri's own: it draws the projection matrix again for each batch.
    """
    model = copied(problem, layers)

    def odds(given: dict[str, Tensor], data: tuple[Tensor, Tensor]) -> Tensor:
        return log_odds(functional_call(model, given, (data[0][None],)), data[1][None])[0]

    def chance(given: dict[str, Tensor], data: tuple[Tensor, Tensor]) -> Tensor:
        return odds(given, data).sigmoid()

    states = [dict(problem.state_at(checkpoint)) for checkpoint in over(problem, checkpoints)]
    task = import_module("dattri.task").AttributionTask(odds, model, states)
    options = {"layer_name": parameters(problem, layers), "device": str(problem.device), "regularization": damping}
    projection = {"proj_dim": min(k, size(problem, layers)), "proj_seed": problem.seed, "device": str(problem.device)}
    with quietly(problem.seed):
        attributor = import_module("dattri.algorithm").TRAKAttributor(task, chance, projection, **options)
        attributor.cache(loader(problem, problem.train))
        return scores(-attributor.attribute(loader(problem, problem.validation)).sum(1))


def influence(problem: Problem, name: str, layers: Layers, **options: Any) -> Scores:
    """Minus the influence on the mean validation loss by dattri's attributor of a name, for the model as it stands."""
    return scores(-attributed(problem, name, layers, problem.validation, [dict(problem.state_at())], **options))


def traced(problem: Problem, layers: Layers, query: Examples | None = None) -> Tensor:
    """Inner products of gradients with the query's mean gradient, or squared norms without a query, by TracIn."""
    states = [dict(problem.state_at(checkpoint)) for checkpoint in problem.checkpoints]
    rates = torch.tensor([checkpoint.learning_rate for checkpoint in problem.checkpoints])
    options: dict[str, Any] = {"weight_list": rates, "normalized_grad": False}
    return attributed(problem, "TracInAttributor", layers, query, states, **options)


def attributed(
    problem: Problem,
    name: str,
    layers: Layers,
    query: Examples | None,
    states: list[dict[str, Tensor]],
    **options: Any,
) -> Tensor:
    """Attributions (n,) to the query's rows as one sample, or self-attributions, by dattri's attributor of a name."""
    model = OneQuery(copied(problem, layers), problem.train.x.shape[1:])
    states = [{f"model.{key}": tensor for key, tensor in state.items()} for state in states]

    def loss(given: dict[str, Tensor], data: tuple[Tensor, Tensor]) -> Tensor:
        return mean_loss(functional_call(model, given, (data[0],)), data[1])

    options |= {"layer_name": [f"model.{key}" for key in parameters(problem, layers)], "device": str(problem.device)}
    order = problem.sampling_order()
    train = loader(problem, problem.train[order])
    with quietly(problem.seed):
        task = import_module("dattri.task").AttributionTask(loss, model, states)
        attributor = getattr(import_module("dattri.algorithm"), name)(task, **options)
        attributor.projector_kwargs = None  # as an argument, None means to TracIn a projection to 512 dimensions
        if name != "TracInAttributor":
            attributor.cache(loader(problem, problem.train[order], len(order)))
        sample = None if query is None else loader(problem, as_one(query))
        values = attributor.self_attribute(train) if sample is None else attributor.attribute(train, sample)[:, 0]
    return torch.empty_like(values).scatter_(0, order.to(values.device), values)
