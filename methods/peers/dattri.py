"""Dattri's own implementations. Where it sums over batches what is no sum, its curvature gets all rows as one batch."""

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

    When: what dattri itself would find, and take for it, is the question.

    Args:
        problem: a classifier with validation rows; every checkpoint counts with its learning rate.
        layers: whose parameters the gradients are taken for.

    Cost (gradients): dattri's own: gradients of all parameters are formed, whatever the layers.
    """
    return scores(-traced(problem, layers, problem.validation))


@method(family="peer", paper="dattri: IFAttributorExplicit", uses={"validation"}, package="dattri")
def dattri_influence_exact(problem: Problem, damping: float = 0.01, layers: Layers = "last") -> Scores:
    """As `influence-exact`, by dattri.

    When: what dattri itself would find, and take for it, is the question.

    Args:
        problem: a classifier with validation rows.
        damping: λ ≥ 0.
        layers: whose parameters the gradients are taken for.

    Cost (iterative): dattri's own: the Hessian (p, p) of all rows at once.
    """
    return influence(problem, "IFAttributorExplicit", layers, regularization=damping)


@method(family="peer", paper="dattri: IFAttributorCG", uses={"validation"}, package="dattri")
def dattri_influence_cg(problem: Problem, damping: float = 0.01, steps: int = 10, layers: Layers = "last") -> Scores:
    """As `influence-cg`, by dattri, which does all the steps: it divides 0 by 0 if it converges before.

    When: what dattri itself would find, and take for it, is the question.

    Args:
        problem: a classifier with validation rows.
        damping: λ ≥ 0.
        steps: of the iteration, by default dattri's own.
        layers: whose parameters the gradients are taken for.

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

    When: what dattri itself would find, and take for it, is the question.

    Args:
        problem: a classifier with validation rows.
        damping: λ > 0; dattri is given λ / scale.
        scale: above half the largest eigenvalue, by default dattri's own; the series needs about scale/λ steps.
        steps: of the series, a hundredth of dattri's own number, since each takes it a fifth of a second.
        samples_per_step: training rows behind each product.
        layers: whose parameters the gradients are taken for.

    Cost (iterative): dattri's own: about 3 × steps × samples_per_step / n epochs.
    """
    options = {"damping": damping / scale, "scaling": scale, "recursion_depth": steps, "batch_size": samples_per_step}
    return influence(problem, "IFAttributorLiSSA", layers, **options)


@method(family="peer", paper="dattri: IFAttributorArnoldi", uses={"validation"}, package="dattri")
def dattri_arnoldi(
    problem: Problem, rank: int = 10, steps: int = 100, damping: float = 0.01, layers: Layers = "last"
) -> Scores:
    """As `arnoldi`, by dattri.

    When: what dattri itself would find, and take for it, is the question.

    Args:
        problem: a classifier with validation rows.
        rank: number of eigenvalues at most; dattri takes their roots, and gives nothing but NaN
            if one is below -λ or 0.
        steps: of the iteration, fewer than parameters.
        damping: λ ≥ 0.
        layers: whose parameters the gradients are taken for.

    Cost (iterative): dattri's own: about three epochs per step.
    """
    most = size(problem, layers) - 1
    options = {"proj_dim": min(rank, most), "max_iter": min(steps, most), "regularization": damping}
    return influence(problem, "IFAttributorArnoldi", layers, **options)


@method(family="peer", paper="dattri: IFAttributorDataInf", uses={"validation"}, package="dattri")
def dattri_datainf(problem: Problem, damping: float = 0.01, layers: Layers = "last") -> Scores:
    """As `datainf`, by dattri, with one λ for all layers.

    When: what dattri itself would find, and take for it, is the question.

    Args:
        problem: a classifier with validation rows.
        damping: λ as it is, where `datainf` takes a share of the mean square of a layer's gradients.
        layers: whose parameters the gradients are taken for.

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

    When: what dattri itself would find, and take for it, is the question.

    Args:
        problem: a classifier with validation rows.
        k: columns of the projection, at most as many as there are parameters.
        damping: λ as it is, where `trak` takes a share of the mean eigenvalue.
        layers: whose parameters the gradients are taken for.
        checkpoints: the model as it stands, or the mean over all.

    Cost (gradients): dattri's own: the projection matrix is made anew for each batch.
    """
    model = copied(problem, layers)

    def odds(given: dict[str, Tensor], data: tuple[Tensor, Tensor]) -> Tensor:
        return log_odds(functional_call(model, given, (data[0][None],)), data[1][None])[0]

    def chance(given: dict[str, Tensor], data: tuple[Tensor, Tensor]) -> Tensor:
        return odds(given, data).sigmoid()

    states = [dict(problem.state_at(one)) for one in over(problem, checkpoints)]
    task = import_module("dattri.task").AttributionTask(odds, model, states)
    options = {"layer_name": parameters(problem, layers), "device": str(problem.device), "regularization": damping}
    projection = {"proj_dim": min(k, size(problem, layers)), "proj_seed": problem.seed, "device": str(problem.device)}
    with quietly(problem.seed):
        found = import_module("dattri.algorithm").TRAKAttributor(task, chance, projection, **options)
        found.cache(loader(problem, problem.train))
        return scores(-found.attribute(loader(problem, problem.validation)).sum(1))


def influence(problem: Problem, attributor: str, layers: Layers, **options: Any) -> Scores:
    """Minus the influence on the mean validation loss by one of dattri's attributors, of the model as it stands."""
    return scores(-attributed(problem, attributor, layers, problem.validation, [dict(problem.state_at())], **options))


def traced(problem: Problem, layers: Layers, query: Examples | None = None) -> Tensor:
    """Products of gradients with the query's mean gradient, or with themselves, summed over the checkpoints."""
    states = [dict(problem.state_at(one)) for one in problem.checkpoints]
    rates = torch.tensor([one.learning_rate for one in problem.checkpoints])
    options: dict[str, Any] = {"weight_list": rates, "normalized_grad": False}
    return attributed(problem, "TracInAttributor", layers, query, states, **options)


def attributed(
    problem: Problem,
    attributor: str,
    layers: Layers,
    query: Examples | None,
    states: list[dict[str, Tensor]],
    **options: Any,
) -> Tensor:
    """Self-attribution, or attribution to the query's rows as if they were one sample, with their mean loss."""
    model = OneQuery(copied(problem, layers), problem.train.x.shape[1:])
    states = [{f"model.{name}": part for name, part in state.items()} for state in states]

    def loss(given: dict[str, Tensor], data: tuple[Tensor, Tensor]) -> Tensor:
        return mean_loss(functional_call(model, given, (data[0],)), data[1])

    options |= {"layer_name": [f"model.{name}" for name in parameters(problem, layers)], "device": str(problem.device)}
    order = problem.sampling_order()
    train = loader(problem, problem.train[order])
    with quietly(problem.seed):
        task = import_module("dattri.task").AttributionTask(loss, model, states)
        found = getattr(import_module("dattri.algorithm"), attributor)(task, **options)
        found.projector_kwargs = None  # TracIn takes it for a projection to 512 dimensions if given as an argument
        if attributor != "TracInAttributor":
            found.cache(loader(problem, problem.train[order], len(order)))
        one = None if query is None else loader(problem, as_one(query))
        values = found.self_attribute(train) if one is None else found.attribute(train, one)[:, 0]
    return torch.empty_like(values).scatter_(0, order.to(values.device), values)
