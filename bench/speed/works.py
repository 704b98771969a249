"""The works of the gradient engine: each end to end from a cold problem, on four networks, with a goal for its cost.

A work starts from training rows and a model as it stands. Whatever else it is given is made before the clock starts.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from sklearn.ensemble import IsolationForest
from torch import Size, Tensor, nn

from ...methods.gradients.projection import Factored, Sparse
from ...methods.gradients.space import gradient_space
from ...methods.gradients.stream import Gradients
from ...methods.outliers.isolation_forest import isolation_forest
from ..errors import unknown
from ..models.architecture import find_model
from ..problem.examples import Examples
from ..problem.problem import Problem
from ..registry.score import score

CLASSES, BATCH_SIZE, TREES = 10, 128, 100
FORWARD, EPOCH = "forward pass", "training epoch"
LAST_NORMS, NORMS = "last-layer squared L2 norms", "all-layer squared L2 norms"  # as peers/peer.py spells them
FOREST, THEIR_FOREST = "the forest alone", "scikit-learn's forest alone"

Run = Callable[[], Any]
Prepare = Callable[[Problem], Run]
Goal = Mapping[str, float]


@dataclass(frozen=True)
class Network:
    """A network that works are timed on.

    Args:
        name: of the network.
        build: makes the module.
        shape: of a row.
        rows: how many training rows the works get.
        repeats: how many calls of each work count.
        norms: the goal of all-layer squared norms, in training epochs.
    """

    name: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    rows: int
    repeats: int
    norms: float

    def problem(self, rows: int | None = None) -> Problem:
        """Random training rows, and at most one batch of validation rows, which batch normalisation has seen.

        Args:
            rows: how many to train on; default: those of the network.
        """
        torch.manual_seed(0)
        n, model = rows or self.rows, self.build().train()
        total = n + min(n, BATCH_SIZE)
        x, y = torch.randn(total, *self.shape), torch.randint(CLASSES, (total,))
        with torch.no_grad():
            model(x[n:])
        return Problem(model, Examples(x[:n], y[:n]), Examples(x[n:], y[n:]), batch_size=BATCH_SIZE)


class Encoder(nn.Module):
    """A transformer encoder of six layers with learned positions, on 64 vectors of 32 features: 1.2 million weights."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.place = nn.Linear(32, 128), nn.Parameter(0.02 * torch.randn(64, 128))
        layer = nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, batch_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False), nn.Linear(128, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, 10) of rows (B, 64, 32), by the mean over positions."""
        logits: Tensor = self.head(self.encoder(self.up(x) + self.place).mean(1))
        return logits


def mlp() -> nn.Module:
    """An MLP of 784-256-128-10 with ReLU."""
    layers = nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, CLASSES)
    return nn.Sequential(*layers)


def registered_model(name: str, shape: tuple[int, ...]) -> Callable[[], nn.Module]:
    """A function that builds a registered model for rows of a shape."""
    return lambda: find_model(name).build(Size(shape), CLASSES)


IMAGE = (3, 32, 32)
NETWORKS = {
    entry.name: entry
    for entry in (
        Network("mlp", mlp, (784,), rows=10_000, repeats=9, norms=0.7),
        Network("small-resnet", registered_model("small-resnet", IMAGE), IMAGE, rows=1024, repeats=7, norms=1.3),
        Network("transformer", Encoder, (64, 32), rows=256, repeats=3, norms=1.0),
        Network("resnet-18", registered_model("resnet-18", IMAGE), IMAGE, rows=128, repeats=2, norms=1.3),
    )
}


def network(name: str) -> Network:
    """The network of that name.

    Raises:
        InputError: with the nearest names, if there is none.
    """
    if name not in NETWORKS:
        raise unknown("network", name, NETWORKS)
    return NETWORKS[name]


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
    """Every work for a network."""
    return [
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
        Work("TRAK, last layer", scores("trak")),
        Work("DataInf, all layers", scores("datainf", layers="all"), {EPOCH: 3}),
        Work("EK-FAC self-influence, all layers", scores("ekfac-self", layers="all"), {EPOCH: 6}),
    ]


def scores(method: str, **hyperparameters: Any) -> Prepare:
    """A work: the scores of a registered method."""
    return lambda problem: lambda: score(method, problem, **hyperparameters)


def all_layers(reduction: Callable[[Gradients], Any]) -> Prepare:
    """A work: a reduction of the gradients of all layers."""
    return lambda problem: lambda: reduction(gradient_space(replace(problem), "all").train)


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
        for _, batch in problem.batches(problem.train):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(batch.x), batch.y)
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
    return lambda: gradient_space(replace(problem), "all").train.inner(direction)


def validation_products(problem: Problem) -> Run:
    """Inner products with the validation rows' mean gradient, which is part of the work."""

    def run() -> Tensor:
        space = gradient_space(replace(problem), "all")
        return space.train.inner(space.valid.mean())

    return run
