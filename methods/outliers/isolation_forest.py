"""An isolation forest (Liu et al. 2008) over per-sample gradients of any size, from the few coordinates that it reads.

A tree of 256 rows reads at most 255 coordinates of the gradient, drawn uniformly, however many there are. They are
therefore drawn first, and no others are computed. If gradients are outer products, a coordinate is the product of two
numbers, and a row needs no more columns than its layers have inputs and outputs together.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count as count_from

import torch
from torch import Tensor

from ...bench.problem.assembly import assembled
from ...bench.problem.problem import Scores
from ..gradients.reduction import Narrowed
from ..gradients.stream import Gradients

ROWS_PER_TREE = 256
MOST_DRAWS = 2048  # coordinates drawn for a tree; a tree that needs more starts again with its first draw
PATIENCE = 8  # coordinates on which a node's rows were constant, before it tests whether they are equal in all draws
AT_ONCE = 1024  # rows that are scored together
EULER = 0.5772156649015329


class OutOfDrawsError(Exception):
    """A tree has used all its draws, because many coordinates were constant on a node's rows."""


@dataclass(frozen=True)
class Forest:
    """Complete trees of equal depth, with nodes in heap order: the children of node i are 2i + 1 and 2i + 2.

    Below a node that ends early, all rows go left, down to a leaf on the lowest level.
    """

    coordinate: Tensor
    """(trees, inner nodes): the index in the flat gradient of the coordinate that a node reads."""
    threshold: Tensor
    """(trees, inner nodes): a row goes left if its coordinate is at most this."""
    length: Tensor
    """(trees, leaves): the path length of each leaf, including c(rows in the leaf); float64."""
    rows_per_tree: int

    def scores(self, rows: Tensor, factors: tuple[Tensor, Tensor]) -> Tensor:
        """Anomaly scores 2^(-E[path length] / c) (B,) in (0, 1], float64; NaN for a row that is not finite.

        Args:
            rows: (B, width), on any device.
            factors: for each node, the two columns of `rows` whose product it reads, (trees, inner nodes) each.
        """
        trees, inner = self.coordinate.shape
        left, right, threshold, length = (t.to(rows.device) for t in (*factors, self.threshold, self.length))
        first = torch.arange(trees, device=rows.device) * inner
        first_leaf = torch.arange(trees, device=rows.device) * (inner + 1) - inner

        def path_lengths(part: Tensor) -> Tensor:
            node = torch.zeros(len(part), trees, dtype=torch.int64, device=rows.device)
            for _ in range(int(math.log2(inner + 1))):
                here = node + first
                value = part.gather(1, left.take(here)).mul_(part.gather(1, right.take(here)))
                node.mul_(2).add_(1).add_(value > threshold.take(here))
            return length.take(node + first_leaf).sum(1)

        # A number that is not finite makes a row's path length NaN, whichever way its comparisons went.
        total = torch.cat([path_lengths(part) + 0 * part.sum(1) for part in rows.split(AT_ONCE)])
        average = float(average_path_length(torch.tensor(self.rows_per_tree)))
        return torch.exp2(-total / (trees * average)) if average else torch.ones_like(total)


def isolation_forest(gradients: Gradients, order: Tensor, trees: int, seed: int) -> Scores:
    """Anomaly scores (n,) of the gradients by an isolation forest.

    They are equal in distribution to those of scikit-learn's forest on the matrix (n, p), which is never formed here.
    (scikit-learn treats values within 1e-7 of each other as equal; here the scale of the gradients does not matter.)

    Args:
        gradients: the gradients of n samples.
        order: rows (n,) in the order from which the trees' samples are drawn.
        trees: number of trees.
        seed: of the samples, the coordinates and the thresholds.
    """
    generator = torch.Generator().manual_seed(seed)
    per_tree = min(ROWS_PER_TREE, len(order))
    samples = torch.stack([order[torch.randperm(len(order), generator=generator)[:per_tree]] for _ in range(trees)])
    draws = torch.empty(trees, 0, dtype=torch.int64)
    while True:
        more = torch.randint(gradients.space.size, (trees, max(ROWS_PER_TREE, draws.shape[1])), generator=generator)
        draws = torch.cat([draws, more], 1)
        try:
            return _grown_and_scored(gradients, samples, draws, generator)
        except OutOfDrawsError:
            continue


def _grown_and_scored(gradients: Gradients, samples: Tensor, draws: Tensor, generator: torch.Generator) -> Scores:
    """Scores (n,) by a forest on the samples (trees, rows) that reads the drawn coordinates (trees, draws)."""
    drawn_rows, place = samples.unique(return_inverse=True)
    sampled, layout = gradients.of(drawn_rows), gradients.layout
    if 2 * len(drawn_rows) > len(gradients):  # then compute all rows once, and need no second pass to score them
        sampled, place = gradients, samples
    drawn = Narrowed(draws.unique(), layout)
    if len(sampled) * drawn.width * layout.dtype.itemsize <= gradients.space.problem.memory_budget // 4:
        rows: Tensor = sampled.reduce(drawn)[0]
        forest = grow(_reader(rows, place, drawn.factors(draws)), samples.shape[1], draws, generator)
        if sampled is gradients:
            return forest.scores(rows, drawn.factors(forest.coordinate)).cpu().numpy()
    else:
        table = _table(sampled, place, drawn, draws)
        forest = grow(lambda draw: table.gather(2, draw[:, :, None])[:, :, 0], samples.shape[1], draws, generator)
    read = Narrowed(forest.coordinate.unique(), layout)
    score = partial(forest.scores, factors=read.factors(forest.coordinate))
    return assembled(len(gradients), ((at, score(part).cpu()) for at, part in gradients.stream(lambda: read))).numpy()


def _reader(rows: Tensor, place: Tensor, factors: tuple[Tensor, Tensor]) -> Callable[[Tensor], Tensor]:
    """The function through which `grow` reads coordinates, if sample s of tree t is row place[t, s]."""
    first = place.to(rows.device) * rows.shape[1]

    def read(draw: Tensor) -> Tensor:
        left, right = (rows.take(first + side.gather(1, draw.to(rows.device))) for side in factors)
        return (left * right).cpu()

    return read


def _table(sampled: Gradients, place: Tensor, drawn: Narrowed, draws: Tensor) -> Tensor:
    """Each tree's coordinates for its own samples only, (trees, samples, draws), to save memory."""
    table = torch.empty(*place.shape, draws.shape[1], dtype=sampled.layout.dtype)
    left, right = drawn.factors(draws)
    for at, rows in sampled.stream(lambda: drawn):
        tree, slot = ((place >= at.start) & (place < at.stop)).nonzero(as_tuple=True)
        first = (place[tree, slot] - at.start)[:, None].to(rows.device) * rows.shape[1]
        table[tree, slot] = (rows.take(first + left[tree]) * rows.take(first + right[tree])).cpu()
    return table


def grow(read: Callable[[Tensor], Tensor], samples: int, draws: Tensor, generator: torch.Generator) -> Forest:
    """Grow all trees at once, level by level, on `samples` rows each.

    A node splits on its tree's next draw that is not constant over its rows, at a uniform threshold between the least
    and the greatest value.

    Args:
        read: maps the number of a draw for each tree and sample, (trees, samples), to the values of that coordinate.
        samples: number of rows of each tree.
        draws: coordinates (trees, draws), in the order in which a tree uses them.
        generator: of the thresholds.

    Raises:
        OutOfDrawsError: if a tree has used all its draws and these are below 2048; with 2048 it starts again.
    """
    trees, count = draws.shape
    depth = max(1, math.ceil(math.log2(samples)))
    inner = 2**depth - 1
    coordinate, threshold = torch.zeros(trees, inner, dtype=torch.int64), torch.full((trees, inner), torch.inf)
    node, turn = torch.zeros(trees, samples, dtype=torch.int64), torch.zeros(trees, 1, dtype=torch.int64)
    ended = torch.full((trees, samples), depth)  # the level at which a sample's path ends
    fingerprints: Tensor | None = None
    for level in range(depth):
        nodes = slice(2**level - 1, 2 ** (level + 1) - 1)
        here = node - nodes.start
        extremes = partial(_extremes, here, 2**level)
        open_ = torch.zeros(trees, 2**level, dtype=torch.int64).scatter_add_(1, here, (ended == depth).long()) > 1
        value = torch.zeros(trees, samples)
        for attempt in count_from(1):
            if not open_.any():
                break
            number = (turn + open_.cumsum(1) - 1).clamp(min=0)
            turn = turn + open_.sum(1, keepdim=True)
            if count < MOST_DRAWS and bool((turn > count).any()):
                raise OutOfDrawsError
            drawn = read((number % count).gather(1, here))
            low, high = extremes(drawn)
            splits = open_ & (high > low)
            cut = low + torch.rand(low.shape, generator=generator) * (high - low)
            threshold[:, nodes] = torch.where(splits, torch.where(cut < high, cut, low), threshold[:, nodes])
            coordinate[:, nodes] = torch.where(splits, draws.gather(1, number % count), coordinate[:, nodes])
            value = torch.where(splits.gather(1, here), drawn, value)
            open_ &= ~splits
            if attempt == PATIENCE and open_.any():  # nodes whose rows are equal in all draws can never split
                fingerprints = _fingerprints(read, samples, draws) if fingerprints is None else fingerprints
                low, high = extremes(fingerprints)
                open_ &= high > low
        cut = threshold[:, nodes].gather(1, here)
        ended = torch.where((ended == depth) & cut.isinf(), level, ended)
        node = 2 * node + 1 + (value > cut)
    leaf = node - inner
    sizes = torch.zeros(trees, inner + 1, dtype=torch.int64).scatter_add_(1, leaf, torch.ones_like(leaf))
    length = torch.zeros(trees, inner + 1, dtype=torch.float64)
    length.scatter_(1, leaf, ended + average_path_length(sizes.gather(1, leaf)))
    return Forest(coordinate, threshold, length, samples)


def average_path_length(rows: Tensor) -> Tensor:
    """c(rows): the mean path length of an unsuccessful search in a binary tree of that size (Liu et al., eq. 1)."""
    n = rows.double()
    harmonic = torch.log((n - 1).clamp(min=1)) + EULER
    return torch.where(rows > 2, 2 * harmonic - 2 * (n - 1) / n, (rows == 2).double())


def _extremes(group: Tensor, groups: int, values: Tensor) -> tuple[Tensor, Tensor]:
    """Least and greatest value (trees, groups) of each group of a tree's samples.

    Args:
        group: the group of each sample, (trees, samples).
        groups: number of groups.
        values: (trees, samples).
    """
    low = torch.full((len(group), groups), torch.inf, dtype=values.dtype).scatter_reduce_(1, group, values, "amin")
    high = torch.full((len(group), groups), -torch.inf, dtype=values.dtype).scatter_reduce_(1, group, values, "amax")
    return low, high


def _fingerprints(read: Callable[[Tensor], Tensor], samples: int, draws: Tensor) -> Tensor:
    """A number for each sample, (trees, samples): equal for samples that are equal in all draws of their tree."""
    weights = torch.rand(draws.shape[1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    every = (torch.full((len(draws), samples), number) for number in range(draws.shape[1]))
    total = torch.zeros(len(draws), samples, dtype=torch.float64)
    for weight, number in zip(weights, every, strict=True):
        total += weight * read(number)
    return total
