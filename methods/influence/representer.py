"""Representer points: the last layer's prediction as a sum over the training rows."""

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

GRADIENT = 1e-8


@method(family="representer points", paper="Yeh et al. 2018, theorem 3.1", uses={"validation"})
def representer(problem: Problem, l2: float = 0.003) -> Scores:
    """Minus what a row adds to the logits of the validation rows' labels: -mean_t α_{i,y_t} hᵢ·h_t.

    α_i = -(1/2λn) ∂ℓ_i/∂z_i. The theorem needs a stationary point of the mean loss + λ‖W‖², so the last layer is fitted
    anew on its inputs h, with a one appended, from zero and with cross-entropy on the given labels, in float64 by
    L-BFGS; the rest of the model stays as it is.

    When: a prediction is to be written as a sum over training rows, the last layer being all that matters.

    Args:
        problem: a classifier with validation rows.
        l2: λ > 0; the paper's own experiments take 0.003.

    Cost (fits): three forward passes, the fit of the last layer in some hundred passes over the features, and O(n d C).

    Raises:
        InputError: if l2 is not above 0.
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
    """The weight (C, d) that minimises mean cross-entropy + λ‖W‖², float64."""
    shape = label.shape[1], h.shape[1]

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weight = torch.from_numpy(flat).reshape(shape)
        logits = h @ weight.T
        value = F.cross_entropy(logits, label) + l2 * weight.square().sum()
        slope = (logits.softmax(1) - label).T @ h / len(h) + 2 * l2 * weight
        return float(value), slope.flatten().numpy()

    options = {"maxiter": 10_000, "maxfun": 20_000, "gtol": GRADIENT, "ftol": 0, "maxcor": 30}
    found = minimize(objective, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B", options=options)
    slope = np.abs(found.jac).max()
    if slope > 100 * GRADIENT:
        warnings.warn(
            f"the last layer's fit stopped at a gradient of {slope:.1e}: raise l2", NotConverged, stacklevel=3
        )
    return torch.from_numpy(found.x).reshape(shape)


def alphas(h: Tensor, label: Tensor, weight: Tensor, l2: float) -> Tensor:
    """α (n, C): at the minimum the weight is Σ_i α_i hᵢᵀ."""
    return -((h @ weight.T).softmax(1) - label) / (2 * l2 * len(h))


def with_one(h: Tensor) -> Tensor:
    """Features and a one for the bias, float64."""
    return torch.cat([h.double(), torch.ones(len(h), 1, dtype=torch.float64)], 1)
