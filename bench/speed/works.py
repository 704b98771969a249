"""The works of the gradient engine: each end to end from a cold problem, on five networks, with a goal for its cost.

A work starts from training rows and a model as it stands. Whatever else it is given is made before the clock starts.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from sklearn.ensemble import IsolationForest
from torch import Tensor, nn

from ...methods.gradients.projection import Factored, Sparse
from ...methods.gradients.space import gradient_space
from ...methods.gradients.stream import Gradients
from ...methods.outliers.isolation_forest import isolation_forest
from ..problem.problem import Problem
from ..registry.score import score
from .networks import Network

TREES = 100
FORWARD, EPOCH = "forward pass", "training epoch"
LAST_NORMS, NORMS = "last-layer squared L2 norms", "all-layer squared L2 norms"  # as peers/peer.py spells them
TRAK, EKFAC = "TRAK, last layer", "EK-FAC self-influence, all layers"
FOREST, THEIR_FOREST = "the forest alone", "scikit-learn's forest alone"

Run = Callable[[], Any]
Prepare = Callable[[Problem], Run]
Goal = Mapping[str, float]


@dataclass(frozen=True)
class Work:
    """A work: a row of the table.

    Args:
        name: of the work.
        prepare: makes what the work is given and returns the work itself, the function that is timed.
        goal: the CPU time that the work may take: a sum of other works' times, each with a factor.
        prepare_for_peers: stands in for `prepare` in comparisons with peers, where these are given less.
    """

    name: str
    prepare: Prepare
    goal: Goal = field(default_factory=dict)
    prepare_for_peers: Prepare | None = None


def works(network: Network) -> list[Work]:
    """Every work for a network. TRAK is left out where the loss gives no probability of a row's label."""
    labels = "sampled" if network.loss is None else "given"
    every = [
        Work(FORWARD, forward_pass),
        Work(EPOCH, training_epoch),
        Work("last-layer L1 norms", scores("outlier-gradient", detector="l1"), {FORWARD: 1.15}),
        Work(LAST_NORMS, scores("outlier-gradient", detector="l2"), {FORWARD: 1.15}),
        Work("last-layer isolation forest", scores("outlier-gradient"), {LAST_NORMS: 1, FOREST: 1}),
        Work(FOREST, forest, {THEIR_FOREST: 1}),
        Work(THEIR_FOREST, their_forest),
        Work(NORMS, all_layers(Gradients.squared_l2), {EPOCH: network.norms}),
        Work("all-layer L1 norms", all_layers(Gradients.l1)),
        Work("all-layer weighted sum", all_layers(Gradients.mean)),
        Work("all-layer inner products", inner_products, {NORMS: 1, EPOCH: 0.3}, validation_products),
        Work(
            "all-layer isolation forest",
            scores("outlier-gradient", layers="all"),
            {NORMS: 1, EPOCH: 0.5, FOREST: 1},
        ),
        Work("sparse projection to 4,096, all layers", all_layers(lambda gradients: gradients.projected(Sparse(4096)))),
        Work("factored projection to 16 × 16", all_layers(lambda gradients: gradients.projected(Factored(16, 16)))),
        Work(TRAK, scores("trak")),
        Work("DataInf, all layers", scores("datainf", layers="all"), {EPOCH: network.datainf}),
        Work(EKFAC, scores("ekfac-self", layers="all", labels=labels), {EPOCH: network.ekfac}),
    ]
    return [work for work in every if network.loss is None or work.name != TRAK]


def cold(problem: Problem) -> Problem:
    """The problem as it is before any pass: nothing is known of its model."""
    return replace(problem, known={})


def scores(method: str, **hyperparameters: Any) -> Prepare:
    """A work: the scores of a registered method."""
    return lambda problem: lambda: score(method, cold(problem), **hyperparameters)


def all_layers(reduction: Callable[[Gradients], Any]) -> Prepare:
    """A work: a reduction of the gradients of all layers."""
    return lambda problem: lambda: reduction(gradient_space(cold(problem), "all").train)


def forward_pass(problem: Problem) -> Run:
    """A work that no score can do without: a forward pass over the training rows in evaluation mode."""
    model = copy.deepcopy(problem.model).eval()

    @torch.no_grad()
    def run() -> Tensor:
        return torch.cat([model(batch.x) for _, batch in problem.batches(problem.train)])

    return run


def training_epoch(problem: Problem) -> Run:
    """A plain training epoch: forward, backward and a step of SGD for each batch."""
    model = copy.deepcopy(problem.model).train()
    optimizer = torch.optim.SGD(model.parameters(), 1e-9)

    def run() -> Tensor:
        losses = []
        for _, batch in replace(problem, batch_size=problem.training_batch).batches(problem.train):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(batch.x).flatten(0, -2), batch.y.flatten())
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses)

    return run


def forest(problem: Problem) -> Run:
    """Our isolation forest, fitted and scoring; the last layer's gradients are computed before, as factors."""
    gradients = gradient_space(problem, "last").train
    return lambda: isolation_forest(gradients, problem.sampling_order(), TREES, problem.seed)


def their_forest(problem: Problem) -> Run:
    """The same by scikit-learn; the last layer's gradients are computed before, as a matrix (n, p)."""
    matrix = gradient_space(problem, "last").train.matrix().numpy()
    return lambda: -IsolationForest(n_estimators=TREES, random_state=problem.seed).fit(matrix).score_samples(matrix)


def inner_products(problem: Problem) -> Run:
    """Inner products with the validation rows' mean gradient, which is computed before."""
    direction = gradient_space(problem, "all").valid.mean()
    return lambda: gradient_space(cold(problem), "all").train.inner(direction)


def validation_products(problem: Problem) -> Run:
    """Inner products with the validation rows' mean gradient, which is part of the work."""

    def run() -> Tensor:
        space = gradient_space(cold(problem), "all")
        return space.train.inner(space.valid.mean())

    return run
