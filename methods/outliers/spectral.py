"""Outliers along the direction in which gradients or features vary most: Sever and spectral signatures."""

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

TOLERANCE = 1e-4  # of the largest eigenvalue, relative
VECTORS = 12  # of length n that Lanczos' method keeps


@method(family="outlier gradient", paper="Diakonikolas et al. 2019, algorithms 1 and 2 (filter of a fixed share)")
def sever(problem: Problem, rounds: int = 4, share: float = 0.05, layers: Layers = "last") -> Scores:
    """((g - ḡ)·u)² along the top right singular vector u of the centred gradients, in parts of the largest.

    The next round takes mean and direction over the samples that the rounds before have left. A sample's score is that
    of its last round, and those that leave sooner rank above the others. The paper trains the model anew between
    rounds; here it stands as it is.

    When: few rows pull the model together in one direction, as a systematic corruption does. Flips at random point
    everywhere: norms find them better.

    Args:
        problem: the trained model and its training rows.
        rounds: after each but the last, the most outlying samples leave.
        share: of the samples left, in (0, 1), that leave.
        layers: whose parameters the gradients are taken for.

    Cost (iterative): for each round some 10 to 50 products of Lanczos' method, of two epochs each; forward and backward
    passes through the last layer alone where that is selected.
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
    """(g - ḡ)·u (rows,) for some rows, with their mean ḡ and the top right singular vector u of what is centred.

    With the centred gradients G = UΣVᵀ, that is σu of the left singular vector, found from products GGᵀy: these are
    streamed, so that n numbers of a few vectors are all that is kept.
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

    When: rows of a class are suspected to share a mark, as of a backdoor. Flips at random share none: norms find them
    better.

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
