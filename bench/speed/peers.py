"""The scores of our gradient engine as other libraries compute them, to be timed beside it.

`@peer(package, work=...)` on a function adds one; its library is imported inside, so that an absent one is reported and
is no error. All take the model as it stands, in evaluation mode, and cross-entropy, in their fastest documented way.
Those of captum, dattri and kronfluence are the functions behind their rows on the board (`methods/peer_*.py`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from itertools import groupby
from typing import Literal

import torch
from sklearn.ensemble import IsolationForest
from torch import Tensor
from torch.func import functional_call, grad, jvp, vmap
from torch.nn import functional as F

from ...methods.gradients.selection import Layers
from ...methods.peers import captum as peer_captum
from ...methods.peers import dattri as peer_dattri
from ...methods.peers import kronfluence as peer_kronfluence
from ...methods.peers.inputs import SUMMED, copied, scores
from .. import fingerprint
from ..problem.examples import Examples
from ..problem.problem import Problem, Scores

Work = Literal[
    "last-layer squared L2 norms",
    "last-layer isolation forest",
    "all-layer squared L2 norms",
    "all-layer inner products",
    "DataInf, all layers",
    "EK-FAC self-influence, all layers",
]
KNOWN_LAYERS = "counts Linear and Conv2d layers only"
DAMPING, DATTRI_DAMPING = 0.1, 1e-2  # DataInf's λ, as a share of the mean square of a layer's gradients or as it is


@dataclass(frozen=True)
class Peer:
    """One way to do one kind of work: the function, the library behind it, and where its scores differ from ours."""

    name: str
    work: Work
    package: str
    differs: str
    function: Callable[[Problem], Scores]

    @property
    def version(self) -> str:
        """The installed library's version, or 'not installed'; nothing is imported to tell."""
        return fingerprint.installed(self.package) or "not installed"

    @property
    def installed(self) -> bool:
        return self.version != "not installed"


_peers: list[Peer] = []
Function = Callable[..., Tensor]
Query = Examples | None


def peer(package: str, *, work: Work, name: str = "", differs: str = "") -> Callable[[Function], Function]:
    """Register a function from a problem to values (n_train,); differs: in what they differ from ours, if they do.

    It also gets `layers`, last or all; inner products get `query`, the rows that v is the mean of.
    """

    def register(function: Function) -> Function:
        def run(problem: Problem) -> Scores:
            more = {"query": problem.validation} if "inner" in work else {}
            return scores(function(problem, layers="last" if work.startswith("last-layer") else "all", **more))

        _peers.append(Peer(name or package, work, package, differs, run))
        return function

    return register


def peers(work: Work | None = None) -> list[Peer]:
    """The peers that do this kind of work, or all of them."""
    return [one for one in _peers if work in (None, one.work)]


Gradients = Mapping[str, Tensor]  # of single samples, by parameter: (rows, *shape)
Stream = Callable[[Problem, Layers], Iterator[Gradients]]


def vmapped(problem: Problem, layers: Layers) -> Iterator[Gradients]:
    """Per-sample gradients by `vmap(grad(loss))`, a batch at a time."""
    model = copied(problem, layers)
    wanted = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}

    def loss(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(model, parameters, (x[None],)), y[None])

    gradients = vmap(grad(loss), in_dims=(None, 0, 0))
    yield from (gradients(wanted, batch.x, batch.y) for _, batch in problem.batches(problem.train))


def one_by_one(problem: Problem, layers: Layers) -> Iterator[Gradients]:
    """Per-sample gradients by one backward pass each, as in the code of arXiv 2405.03869."""
    model = copied(problem, layers)
    wanted = {name: p for name, p in model.named_parameters() if p.requires_grad}
    for _, row in replace(problem, batch_size=1).batches(problem.train):
        gradients = torch.autograd.grad(SUMMED(model(row.x), row.y), list(wanted.values()), materialize_grads=True)
        yield {name: g[None] for name, g in zip(wanted, gradients, strict=True)}


def mean_gradient(problem: Problem, query: Examples) -> dict[str, Tensor]:
    """v, the mean gradient of the query's rows, by parameter that has one."""
    model = copied(problem, "all")
    for _, batch in problem.batches(query):
        SUMMED(model(batch.x), batch.y).backward()
    return {name: p.grad / len(query) for name, p in model.named_parameters() if p.grad is not None}


def products(stream: Stream, problem: Problem, layers: Layers, query: Query = None) -> Tensor:
    """g_i·g_i, or g_i·v."""
    v = None if query is None else {name: part.flatten() for name, part in mean_gradient(problem, query).items()}
    found = []
    for gradients in stream(problem, layers):
        flat = {name: g.flatten(1) for name, g in gradients.items()}
        parts = [g.square().sum(1) for g in flat.values()] if v is None else [flat[name] @ v[name] for name in v]
        found.append(torch.stack(parts).sum(0))
    return torch.cat(found)


def forest(stream: Stream, problem: Problem, layers: Layers) -> Tensor:
    """Anomaly scores of scikit-learn's isolation forest on the matrix of gradients."""
    flat = [torch.cat([part.flatten(1) for part in g.values()], 1) for g in stream(problem, layers)]
    matrix = torch.cat(flat).float().cpu().numpy()
    fitted = IsolationForest(random_state=problem.seed).fit(matrix[problem.sampling_order().numpy()])
    return torch.from_numpy(-fitted.score_samples(matrix))


for label, source in (("torch.func vmap", vmapped), ("autograd, one by one", one_by_one)):
    peer("torch", work="last-layer squared L2 norms", name=label)(partial(products, source))
    peer("torch", work="last-layer isolation forest", name=label)(partial(forest, source))
    peer("torch", work="all-layer squared L2 norms", name=label)(partial(products, source))
    peer("torch", work="all-layer inner products", name=label)(partial(products, source))


@peer("torch", work="all-layer inner products", name="torch.func jvp")
def forward_mode(problem: Problem, layers: Layers, query: Examples) -> Tensor:
    """g_i·v as the derivative of each sample's loss along v: no gradient is formed."""
    v, model = mean_gradient(problem, query), copied(problem, "all").requires_grad_(False)
    here = {name: p for name, p in model.named_parameters() if name in v}

    def losses(batch: Examples, parameters: dict[str, Tensor]) -> Tensor:
        return F.cross_entropy(functional_call(model, parameters, (batch.x,)), batch.y, reduction="none")

    return torch.cat([jvp(partial(losses, batch), (here,), (v,))[1] for _, batch in problem.batches(problem.train)])


@peer("torch", work="DataInf, all layers", name="torch.func vmap")
def vmap_datainf(problem: Problem, layers: Layers) -> Tensor:
    """Kwon et al. 2024, eq. 5, on gradients that are all kept, (n, p), as in its official code."""
    v, kept = mean_gradient(problem, problem.validation), list(vmapped(problem, layers))
    total = torch.zeros(len(problem.train), device=problem.device)
    for layer in [list(names) for _, names in groupby(v, lambda name: name.rpartition(".")[0])]:
        matrix = torch.cat([torch.cat([g[name].flatten(1) for name in layer], 1) for g in kept])
        direction, square = torch.cat([v[name].flatten() for name in layer]), matrix.square().sum(1)
        lam = DAMPING * square.mean() / len(direction)
        removed = (matrix @ direction / (lam + square)) @ matrix / len(matrix)
        total -= matrix @ (direction - removed) / lam
    return total


peer("captum", work="last-layer squared L2 norms", name="captum TracInCPFast", differs="leaves out the bias")(
    peer_captum.fast
)
for package, name, differs, function in (
    ("captum", "captum TracInCP", KNOWN_LAYERS, peer_captum.traced),
    ("dattri", "dattri TracIn", "", peer_dattri.traced),
    ("kronfluence", "kronfluence", KNOWN_LAYERS, partial(peer_kronfluence.kronfluence, strategy="identity")),
):
    peer(package, work="last-layer squared L2 norms", name=name)(function)
    peer(package, work="all-layer squared L2 norms", name=name, differs=differs)(function)
    peer(package, work="all-layer inner products", name=name, differs=differs)(function)
peer("kronfluence", work="EK-FAC self-influence, all layers", differs=KNOWN_LAYERS)(
    partial(peer_kronfluence.kronfluence, strategy="ekfac")
)


@peer("dattri", work="DataInf, all layers", differs=f"one λ, {DATTRI_DAMPING}, for all layers")
def dattri_datainf(problem: Problem, layers: Layers) -> Tensor:
    return torch.from_numpy(peer_dattri.dattri_datainf(problem, DATTRI_DAMPING, layers))


@peer("opacus", work="last-layer squared L2 norms", name="opacus ghost norms")
@peer("opacus", work="all-layer squared L2 norms", name="opacus ghost norms")
def opacus(problem: Problem, layers: Layers) -> Tensor:
    ghost, found = import_module("opacus.grad_sample").GradSampleModuleFastGradientClipping, []
    model = ghost(copied(problem, layers), loss_reduction="sum")
    for module in model.modules():
        module.training = any(p.requires_grad for p in module.parameters(False))  # in evaluation mode no hook records
    for _, batch in problem.batches(problem.train):
        model.zero_grad(set_to_none=True)
        SUMMED(model(batch.x), batch.y).backward()
        found.append(model.get_norm_sample().square())
    return torch.cat(found)
