"""pyDVL's own implementations of influence and of data values.

pyDVL averages over batches without weighting them by their sizes, so it gets all rows as a single batch for the
curvature.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from ...bench.problem.examples import Examples
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..features import features
from ..gradients.selection import Layers
from .inputs import OneQuery, as_one, copied, loader, mean_loss, quietly, scores


@method(family="peer", paper="pyDVL: DirectInfluence", uses={"validation"}, package="pyDVL[influence]")
def pydvl_influence_exact(problem: Problem, damping: float = 0.01, layers: Layers = "last") -> Scores:
    """As `influence-exact`, by pyDVL.

    When: you compare with pyDVL's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows.
        damping: λ ≥ 0.
        layers: the layers whose gradients are used.

    Cost (iterative): pyDVL's own: the Hessian (p, p).
    """
    return influence(problem, layers, lambda model: torch_influence("DirectInfluence")(model, mean_loss, damping))


@method(family="peer", paper="pyDVL: CgInfluence", uses={"validation"}, package="pyDVL[influence]")
def pydvl_influence_cg(
    problem: Problem, damping: float = 0.01, steps: int = 100, tolerance: float = 1e-3, layers: Layers = "last"
) -> Scores:
    """As `influence-cg`, by pyDVL.

    When: you compare with pyDVL's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows.
        damping: λ ≥ 0.
        steps: largest number of iterations.
        tolerance: relative residual at which to stop.
        layers: the layers whose gradients are used.

    Cost (iterative): pyDVL's own: about three epochs per step.
    """
    options = {"rtol": tolerance, "atol": 0.0, "maxiter": steps, "warn_on_max_iteration": False}
    return influence(
        problem, layers, lambda model: torch_influence("CgInfluence")(model, mean_loss, damping, **options)
    )


@method(family="peer", paper="pyDVL: ArnoldiInfluence", uses={"validation"}, package="pyDVL[influence]")
def pydvl_arnoldi(problem: Problem, rank: int = 10, damping: float = 0.01, layers: Layers = "last") -> Scores:
    """As `arnoldi`, by pyDVL, whose iteration restarts until the eigenvectors have converged.

    It starts from a random vector that no seed controls, so the last digits differ from call to call.

    When: you compare with pyDVL's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows.
        rank: number of eigenvalues, below the number of parameters; the default is pyDVL's own.
        damping: λ ≥ 0.
        layers: the layers whose gradients are used.

    Cost (iterative): pyDVL's own: about three epochs per step.
    """
    return influence(
        problem, layers, lambda model: torch_influence("ArnoldiInfluence")(model, mean_loss, damping, rank)
    )


@method(family="peer", paper="pyDVL: InverseHarmonicMeanInfluence", uses={"validation"}, package="pyDVL[influence]")
def pydvl_datainf(problem: Problem, damping: float = 0.01, layers: Layers = "last") -> Scores:
    """As `datainf`, by pyDVL's inverse harmonic mean, with one λ for all layers.

    When: you compare with pyDVL's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows.
        damping: λ itself, while `datainf` takes a share of the mean square of a layer's gradient entries.
        layers: the layers whose gradients are used.

    Cost (gradients): pyDVL's own, with the gradients of a batch in memory.
    """
    module = import_module("pydvl.influence.torch.util")
    options = {"regularization": damping, "block_structure": module.BlockMode.LAYER_WISE}
    return influence(
        problem, layers, lambda model: torch_influence("InverseHarmonicMeanInfluence")(model, mean_loss, **options)
    )


@method(family="peer", paper="pyDVL: EkfacInfluence", uses={"validation"}, package="pyDVL[influence]")
def pydvl_ekfac(problem: Problem, damping: float = 0.01, layers: Layers = "last") -> Scores:
    """As `ekfac`, by pyDVL, whose curvature comes from another loss and is not the Fisher information.

    The loss is Σ_k √p_k log p_k, and the outer product of its gradient has terms between classes.

    When: you compare with pyDVL's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows.
        damping: λ itself, while `ekfac` takes a share of the layer's mean eigenvalue.
        layers: the layers whose gradients are used; pyDVL supports linear layers only.

    Cost (gradients): pyDVL's own: four passes.
    """
    options = {"update_diagonal": True, "hessian_regularization": damping}
    return influence(problem, layers, lambda model: torch_influence("EkfacInfluence")(model, **options), row_by_row)


def row_by_row(examples: Examples) -> Examples:
    """Each row as a sample of its own: pyDVL's EK-FAC has a fixed loss, which does not fit a sample of many rows."""
    return examples


@method(family="peer", paper="pyDVL: KNNShapleyValuation", uses={"validation"}, package="pyDVL")
def pydvl_knn_shapley(problem: Problem, k: int = 5) -> Scores:
    """As `knn-shapley`, by pyDVL on the same features.

    When: you compare with pyDVL's own implementation: its scores and its cost.

    Args:
        problem: a classifier with validation rows.
        k: number of neighbours of the classifier.

    Cost (forward): two forward passes and pyDVL's own.
    """
    valuation, dataset = import_module("pydvl.valuation"), import_module("pydvl.valuation.dataset").Dataset
    with quietly(problem.seed):
        train, valid = (
            dataset(features(problem, examples).double().numpy(), examples.y.cpu().numpy())
            for examples in (problem.train, problem.validation)
        )
        shapley = valuation.KNNShapleyValuation(KNeighborsClassifier(k), valid, progress=False)
        return scores(-torch.as_tensor(shapley.fit(train).result.sort(key="index").values))


def torch_influence(name: str) -> Any:
    """The class of a pyDVL influence function."""
    return getattr(import_module("pydvl.influence.torch"), name)


def influence(
    problem: Problem, layers: Layers, make: Callable[[nn.Module], Any], query: Callable[[Examples], Examples] = as_one
) -> Scores:
    """Minus the influence on the mean validation loss.

    Args:
        problem: a classifier with validation rows.
        layers: the layers whose gradients are used.
        make: pyDVL's influence function for a model.
        query: how pyDVL gets the validation rows: as one sample, or as samples whose influence factors are averaged.
    """
    with quietly(problem.seed):
        model = OneQuery(copied(problem, layers), problem.train.x.shape[1:])
        fitted = make(model).fit(loader(problem, problem.train, len(problem.train)))
        valid = query(problem.validation.to(problem.device))
        mode = import_module("pydvl.influence").InfluenceMode.Up
        factors = fitted.influence_factors(valid.x, valid.y).mean(0, keepdim=True)
        parts = [fitted.influences_from_factors(factors, x, y, mode=mode)[0] for x, y in loader(problem, problem.train)]
        return scores(-torch.cat(parts))
