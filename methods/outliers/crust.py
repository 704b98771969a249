"""CRUST: distances in gradient space from the medoids of a class."""

import heapq

import numpy as np
import torch
from numpy.typing import NDArray

from ...bench.errors import InputError
from ...bench.problem.problem import Problem, Scores
from ...bench.registry.method import method


@method(family="outlier gradient", paper="Mirzasoleiman et al. 2020, algorithm 1", classes=True)
def crust(problem: Problem, share: float = 0.5) -> Scores:
    """Σ_j γ_j ‖g - g_j‖ / m over the medoids j of the m samples with the same label, γ_j of them nearest to j.

    A sample's gradient is that in the outputs, g = p - e_y. The medoids are the paper's coreset, chosen greedily. The
    paper trains on the coreset with the weights γ, and ranks nothing. (The distance to the nearest medoid would rank
    backwards, since lone outliers become medoids too, with small weights.)

    When: you also want a clean subset for training, which the medoids are. It takes one forward pass, but its cost
    is quadratic in the rows of a class.

    Args:
        problem: a classifier whose outputs are logits.
        share: the share of a class's samples that become medoids, in (0, 1]; 0.5 in the paper.

    Cost (forward): one forward pass; for each class O(m²) time and memory, and O(m) for each gain that the greedy
    choice computes, of which there are between share × m and share × m².

    Raises:
        InputError: if share is not in (0, 1], or the distances within a class are above the memory budget.
    """
    if not 0 < share <= 1:
        raise InputError(f"share={share} does not fit: it must lie above 0 and be at most 1")
    y = problem.train.y.cpu()
    problem.afford(3 * 8 * int(y.bincount().max()) ** 2, "the distances between all samples of a class")
    g = problem.probabilities().cpu()
    g[torch.arange(len(g)), y] -= 1
    scores = np.where(g.isfinite().all(1), 0, np.nan)
    if np.isnan(scores).any():
        return scores
    order = problem.sampling_order()
    for label in y.unique():
        rows = order[y[order] == label]
        distances = torch.cdist(g[rows], g[rows], compute_mode="donot_use_mm_for_euclid_dist").numpy()
        medoids = facility_location(distances, max(1, int(share * len(rows))))
        stands_for = np.bincount(distances[:, medoids].argmin(1), minlength=len(medoids))
        scores[rows.numpy()] = distances[:, medoids] @ stands_for / len(rows)
    return scores


def facility_location(distances: NDArray[np.float64], count: int) -> list[int]:
    """The medoids that greedily maximise Σ_i max_j (d_max - d_ij) over the chosen j, from distances (m, m).

    A row's gain can only fall while more medoids are chosen (submodularity). So old gains are upper bounds, and the row
    with the largest is computed again first.
    """
    similarity = distances.max() - distances
    covered, chosen = np.zeros(len(similarity)), list[int]()
    gains = [(-gain, row) for row, gain in enumerate(similarity.sum(1))]
    heapq.heapify(gains)
    while len(chosen) < count:
        row = heapq.heappop(gains)[1]
        gain = float(np.maximum(similarity[row] - covered, 0).sum())
        if gains and gain < -gains[0][0]:
            heapq.heappush(gains, (-gain, row))
            continue
        chosen.append(row)
        covered = np.maximum(covered, similarity[row])
    return chosen
