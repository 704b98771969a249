"""An isolation forest (Liu et al. 2008) over per-sample gradients of any size, by the coordinates that it reads.

A tree of 256 rows asks for at most 255 coordinates of the gradient, drawn uniformly, whatever there is to draw from. So
these are drawn first, and no others are computed. Where gradients are outer products, a coordinate is the product of
two numbers, and a row is as narrow as the layers' inputs and outputs together.
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
MOST_DRAWS = 2048  # of a tree, after which it takes them again
PATIENCE = 8  # constant draws after which a node asks whether its rows are the same in everything
AT_ONCE = 1024  # rows that walk down the trees together
EULER = 0.5772156649015329


class OutOfDrawsError(Exception):
    """So many coordinates were constant that a tree needs more of them to choose from."""


@dataclass(frozen=True)
class Forest:
    """Trees of one depth, their nodes in heap order: the children of node i are 2i + 1 and 2i + 2.

    A tree that ends above that depth goes left from there on, and its leaf stands at the bottom.
    """

    coordinate: Tensor
    """(trees, inner nodes): what a node reads, an index into the flat gradient."""
    threshold: Tensor
    """(trees, inner nodes): a row goes left if what is read is at most this."""
    length: Tensor
    """(trees, leaves): path length, c(rows in the leaf) included; float64."""
    rows_per_tree: int

    def scores(self, rows: Tensor, factors: tuple[Tensor, Tensor]) -> Tensor:
        """Anomaly scores 2^(-E[path length] / c) in (0, 1], (B,), float64; NaN for a row that holds what is not finite.

        Args:
            rows: (B, width), on any device.
            factors: for each node, the two columns whose product it reads, (trees, inner nodes) each.
        """
        trees, inner = self.coordinate.shape
        left, right, threshold, length = (t.to(rows.device) for t in (*factors, self.threshold, self.length))
        first = torch.arange(trees, device=rows.device) * inner
        first_leaf = torch.arange(trees, device=rows.device) * (inner + 1) - inner

        def path_lengths(some: Tensor) -> Tensor:
            node = torch.zeros(len(some), trees, dtype=torch.int64, device=rows.device)
            for _ in range(int(math.log2(inner + 1))):
                here = node + first
                value = some.gather(1, left.take(here)).mul_(some.gather(1, right.take(here)))
                node.mul_(2).add_(1).add_(value > threshold.take(here))
            return length.take(node + first_leaf).sum(1)

        # A row that holds what is not finite has no path length, whichever way its comparisons went.
        total = torch.cat([path_lengths(some) + 0 * some.sum(1) for some in rows.split(AT_ONCE)])
        usual = float(average_path_length(torch.tensor(self.rows_per_tree)))
        return torch.exp2(-total / (trees * usual)) if usual else torch.ones_like(total)


def isolation_forest(gradients: Gradients, order: Tensor, trees: int, seed: int) -> Scores:
    """Anomaly scores (n,) of the gradients under a forest grown on rows that are drawn in `order` (n,).

    Equal in distribution to scikit-learn's forest on the matrix (n, p), which is never formed. (That one takes values
    within 1e-7 of each other for equal; here the scale of the gradients does not matter.)
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
    some, place = samples.unique(return_inverse=True)
    sampled, layout = gradients.of(some), gradients.layout
    if 2 * len(some) > len(gradients):  # most rows are drawn by some tree: then take all, and spare the second pass
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
    """What `grow` reads, where tree t's sample s is row place[t, s]."""
    first = place.to(rows.device) * rows.shape[1]

    def read(draw: Tensor) -> Tensor:
        left, right = (rows.take(first + side.gather(1, draw.to(rows.device))) for side in factors)
        return (left * right).cpu()

    return read


def _table(sampled: Gradients, place: Tensor, drawn: Narrowed, draws: Tensor) -> Tensor:
    """Each tree's draws (trees, samples, draws) for its own samples: less than all trees' draws for all samples."""
    table = torch.empty(*place.shape, draws.shape[1], dtype=sampled.layout.dtype)
    left, right = drawn.factors(draws)
    for at, rows in sampled.stream(lambda: drawn):
        tree, slot = ((place >= at.start) & (place < at.stop)).nonzero(as_tuple=True)
        first = (place[tree, slot] - at.start)[:, None].to(rows.device) * rows.shape[1]
        table[tree, slot] = (rows.take(first + left[tree]) * rows.take(first + right[tree])).cpu()
    return table


def grow(read: Callable[[Tensor], Tensor], samples: int, draws: Tensor, generator: torch.Generator) -> Forest:
    """Trees on `samples` rows each, level by level, all at once.

    A node takes its tree's next draw that is not constant over its rows, and a uniform threshold between its extremes.

    Args:
        read: what each tree's samples have in each one's draw, by the number of the draw; (trees, samples) to the same.
        samples: rows of each tree.
        draws: coordinates (trees, draws), in the order in which a tree takes them.
        generator: of the thresholds.

    Raises:
        OutOfDrawsError: if a tree needs more draws, unless it has had 2048 of them: it then takes them again.
    """
    trees, count = draws.shape
    depth = max(1, math.ceil(math.log2(samples)))
    inner = 2**depth - 1
    coordinate, threshold = torch.zeros(trees, inner, dtype=torch.int64), torch.full((trees, inner), torch.inf)
    node, turn = torch.zeros(trees, samples, dtype=torch.int64), torch.zeros(trees, 1, dtype=torch.int64)
    ended = torch.full((trees, samples), depth)  # the level at which a sample's path ends
    same: Tensor | None = None
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
            found = open_ & (high > low)
            cut = low + torch.rand(low.shape, generator=generator) * (high - low)
            threshold[:, nodes] = torch.where(found, torch.where(cut < high, cut, low), threshold[:, nodes])
            coordinate[:, nodes] = torch.where(found, draws.gather(1, number % count), coordinate[:, nodes])
            value = torch.where(found.gather(1, here), drawn, value)
            open_ &= ~found
            if attempt == PATIENCE and open_.any():  # are its rows the same in all that was drawn?
                same = _fingerprints(read, samples, draws) if same is None else same
                low, high = extremes(same)
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
    """c(rows): the mean path length of an unsuccessful search in a binary tree of so many rows (Liu et al., eq. 1)."""
    n = rows.double()
    harmonic = torch.log((n - 1).clamp(min=1)) + EULER
    return torch.where(rows > 2, 2 * harmonic - 2 * (n - 1) / n, (rows == 2).double())


def _extremes(group: Tensor, groups: int, values: Tensor) -> tuple[Tensor, Tensor]:
    """Least and greatest value (trees, groups) of each group of a tree's samples."""
    low = torch.full((len(group), groups), torch.inf, dtype=values.dtype).scatter_reduce_(1, group, values, "amin")
    high = torch.full((len(group), groups), -torch.inf, dtype=values.dtype).scatter_reduce_(1, group, values, "amax")
    return low, high


def _fingerprints(read: Callable[[Tensor], Tensor], samples: int, draws: Tensor) -> Tensor:
    """A number (trees, samples) that is equal for samples that are equal in all of their tree's draws."""
    weights = torch.rand(draws.shape[1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    every = (torch.full((len(draws), samples), number) for number in range(draws.shape[1]))
    total = torch.zeros(len(draws), samples, dtype=torch.float64)
    for weight, number in zip(weights, every, strict=True):
        total += weight * read(number)
    return total
