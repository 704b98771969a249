"""Outliers along the direction in which gradients or features vary most: Sever, and spectral signatures."""

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

from ...bench.errors import InputError
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method
from ..features import features
from ..gradients.selection import Layers
from ..gradients.space import gradient_space
from ..gradients.stream import Gradients

TOLERANCE = 1e-4  # relative error of the largest eigenvalue
VECTORS = 12  # vectors of length n that Lanczos' method keeps


@method(family="outlier gradient", paper="Diakonikolas et al. 2019, algorithms 1 and 2 (filter of a fixed share)")
def sever(problem: Problem, rounds: int = 4, share: float = 0.05, layers: Layers = "last") -> Scores:
    """((g - ḡ)·u)² along the top right singular vector u of the centred gradients, as a share of the largest value.

    After each round the samples with the largest scores leave, and the next round computes ḡ and u over the others. A
    sample's score is that of its last round, and samples that leave in an earlier round rank above all others. The
    paper retrains the model between rounds; here it stays as it is.

    When: a few rows pull the model in a common direction, as a systematic corruption does. Random label flips point in
    all directions, and gradient norms find them better.

    Args:
        problem: the trained model and its training rows.
        rounds: number of rounds; samples leave after each but the last.
        share: the share of the remaining samples, in (0, 1), that leaves after a round.
        layers: the layers whose gradients are used.

    Cost (iterative): for each round some 10 to 50 products of Lanczos' method, of two epochs each; through the last
    layer alone if only that is selected.

    Raises:
        InputError: if rounds is below 1, or share is not between 0 and 1.
    """
    if rounds < 1 or not 0 < share < 1:
        raise InputError("sever needs rounds of at least 1 and a share between 0 and 1")
    gradients = gradient_space(problem, layers).train
    norms = gradients.squared_l2()
    if not norms.isfinite().all():
        return torch.where(norms.isfinite(), 0.0, torch.nan).numpy()
    scores, left = torch.zeros(len(norms), dtype=torch.float64), torch.arange(len(norms))
    for further in reversed(range(rounds)):
        outlying = _along_top_direction(gradients, left, problem.seed).square()
        scores[left] = further + outlying / outlying.max().clamp(min=torch.finfo(torch.float64).tiny)
        left = left[outlying.argsort()[: max(2, round((1 - share) * len(left)))]]
    return scores.numpy()


def _along_top_direction(gradients: Gradients, rows: Tensor, seed: int) -> Tensor:
    """(g - ḡ)·u for the given rows, with their mean ḡ and the top right singular vector u of their centred gradients.

    For centred gradients G = UΣVᵀ this is σ times the top left singular vector. Lanczos' method computes it from
    products GGᵀy, which stream the gradients, so only a few vectors of n numbers are kept.
    """
    space, generator = gradients.space, torch.Generator().manual_seed(seed)

    def along(direction: dict[str, Tensor]) -> Tensor:
        inner = gradients.inner(direction)[rows]
        return inner - inner.mean()

    def product(y: np.ndarray) -> np.ndarray:
        weights = torch.zeros(len(gradients), dtype=torch.float64)
        weights[rows] = torch.from_numpy(y - y.mean())
        result: np.ndarray = along(gradients.weighted_sum(weights)).numpy()
        return result

    start = along(space.direction(torch.randn(space.size, generator=generator)))
    if len(rows) < 3 or not start.any():
        return start
    operator = LinearOperator((len(rows), len(rows)), matvec=product, dtype=np.float64)
    (square,), left = eigsh(operator, 1, v0=start.numpy(), tol=TOLERANCE, ncv=min(len(rows), VECTORS))
    return torch.from_numpy(left[:, 0] * np.sqrt(max(square, 0.0)))


@method(family="outlier gradient", paper="Tran et al. 2018, algorithm 1")
def spectral_signatures(problem: Problem) -> Scores:
    """((h - h̄)·v)² along the top right singular vector v of the centred features of the samples with the same label.

    When: you suspect that rows of a class share a mark, such as a backdoor trigger. Random label flips share none, and
    gradient norms find them better.

    Args:
        problem: a classifier whose last layer is linear; its inputs are the features h.

    Cost (forward): one forward pass; O(n h²) for the singular vectors.
    """
    h, y = features(problem, problem.train).double(), problem.train.y.cpu()
    scores = np.where(h.isfinite().all(1), 0, np.nan)
    if np.isnan(scores).any():
        return scores
    for label in y.unique():
        rows = (y == label).nonzero()[:, 0]
        centred = h[rows] - h[rows].mean(0)
        top = torch.linalg.eigh(centred.T @ centred)[1][:, -1]
        scores[rows.numpy()] = (centred @ top).square().numpy()
    return scores
