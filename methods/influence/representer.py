"""Representer points: the last layer's prediction as a sum over training rows."""

import warnings

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor
from torch.nn import functional as F

from ...bench.errors import InputError, NotConverged
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..features import features

GRADIENT = 1e-8  # the largest gradient entry at which the fit stops


@method(family="representer points", paper="Yeh et al. 2018, theorem 3.1", uses={"validation"}, classes=True)
def representer(problem: Problem, l2: float = 0.003) -> Scores:
    """Minus a row's contribution to the logits of the validation rows' labels: -mean_t α_{i,y_t} hᵢ·h_t.

    α_i = -(1/2λn) ∂ℓ_i/∂z_i. The theorem needs a stationary point of the mean loss + λ‖W‖². Therefore the last layer is
    fitted anew: from zero, by L-BFGS in float64, to its inputs h with a 1 appended, with cross-entropy on the given
    labels. The rest of the model stays as it is.

    When: you want to write a prediction as a sum over training rows, and only the last layer matters.

    Args:
        problem: a classifier with validation rows.
        l2: λ > 0; the paper's own experiments use 0.003.

    Cost (fits): three forward passes, the fit of the last layer in some hundred passes over the features, and O(n d C).

    Raises:
        InputError: if l2 is not above 0.

    Warns:
        NotConverged: if the largest entry of the gradient at the end of the fit is above 1e-6.
    """
    if l2 <= 0:
        raise InputError(f"l2={l2} does not fit: it must be above 0")
    classes = problem.probabilities().shape[1]
    h, valid = (with_one(features(problem, rows)) for rows in (problem.train, problem.validation))
    weight = fitted(h, F.one_hot(problem.train.y.cpu(), classes).double(), l2)
    alpha = alphas(h, F.one_hot(problem.train.y.cpu(), classes).double(), weight, l2)
    label = F.one_hot(problem.validation.y.cpu(), classes).double()
    toward = label.T @ valid / len(valid)  # (C, d): Σ_t over the validation rows of a class, so nothing is n × m
    return -(alpha * (h @ toward.T)).sum(1).numpy()


def fitted(h: Tensor, label: Tensor, l2: float) -> Tensor:
    """The weight W (C, d) that minimises mean cross-entropy + λ‖W‖², float64.

    Args:
        h: inputs (n, d).
        label: one-hot labels (n, C).
        l2: λ.

    Warns:
        NotConverged: if the largest entry of the gradient at the end is above 1e-6.
    """
    shape = label.shape[1], h.shape[1]

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weight = torch.from_numpy(flat).reshape(shape)
        logits = h @ weight.T
        value = F.cross_entropy(logits, label) + l2 * weight.square().sum()
        slope = (logits.softmax(1) - label).T @ h / len(h) + 2 * l2 * weight
        return float(value), slope.flatten().numpy()

    options = {"maxiter": 10_000, "maxfun": 20_000, "gtol": GRADIENT, "ftol": 0, "maxcor": 30}
    fit = minimize(objective, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B", options=options)
    slope = np.abs(fit.jac).max()
    if slope > 100 * GRADIENT:
        message = f"representer: the last layer's fit stopped at a gradient of {slope:.1e}: raise l2"
        warnings.warn(message, NotConverged, stacklevel=3)
    return torch.from_numpy(fit.x).reshape(shape)


def alphas(h: Tensor, label: Tensor, weight: Tensor, l2: float) -> Tensor:
    """α (n, C), with which the weight at the minimum is Σ_i α_i hᵢᵀ."""
    return -((h @ weight.T).softmax(1) - label) / (2 * l2 * len(h))


def with_one(h: Tensor) -> Tensor:
    """Features with a column of ones for the bias, float64."""
    return torch.cat([h.double(), torch.ones(len(h), 1, dtype=torch.float64)], 1)
