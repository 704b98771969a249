"""Peers that need torch alone: per-sample gradients in the ways that its documentation and papers' code take."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import groupby

import torch
from sklearn.ensemble import IsolationForest
from torch import Tensor
from torch.func import functional_call, grad, jvp, vmap

from ....methods.gradients.selection import Layers
from ....methods.peers.inputs import copied
from ...problem.examples import Examples
from ...problem.problem import Problem
from .peer import Query, peer

DAMPING = 0.1  # DataInf's λ, as a share of the mean square of a layer's gradients

Gradients = Mapping[str, Tensor]  # per-sample gradients by parameter: (rows, *shape)
Stream = Callable[[Problem, Layers], Iterator[Gradients]]


def vmapped(problem: Problem, layers: Layers) -> Iterator[Gradients]:
    """Per-sample gradients by `vmap(grad(loss))`, batch by batch."""
    model = copied(problem, layers, passes_loss=True)
    wanted = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}

    def loss(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return problem.losses(functional_call(model, parameters, (x[None],)), y[None]).sum()

    gradients = vmap(grad(loss), in_dims=(None, 0, 0))
    batches = replace(problem, batch_size=problem.training_batch).batches(problem.train)  # so many gradients fit
    yield from (gradients(wanted, batch.x, batch.y) for _, batch in batches)


def row_by_row(problem: Problem, layers: Layers) -> Iterator[Gradients]:
    """Per-sample gradients by one backward pass for each row, as in the code of arXiv 2405.03869."""
    model = copied(problem, layers, passes_loss=True)
    wanted = {name: p for name, p in model.named_parameters() if p.requires_grad}
    for _, row in replace(problem, batch_size=1).batches(problem.train):
        loss = problem.losses(model(row.x), row.y).sum()
        gradients = torch.autograd.grad(loss, list(wanted.values()), materialize_grads=True)
        yield {name: g[None] for name, g in zip(wanted, gradients, strict=True)}


def mean_gradient(problem: Problem, query: Examples) -> dict[str, Tensor]:
    """v, the mean gradient of the query's rows, by parameter; parameters without a gradient are left out."""
    model = copied(problem, "all", passes_loss=True)
    for _, batch in problem.batches(query):
        problem.losses(model(batch.x), batch.y).sum().backward()
    return {name: p.grad / len(query) for name, p in model.named_parameters() if p.grad is not None}


def products(stream: Stream, problem: Problem, layers: Layers, query: Query = None) -> Tensor:
    """g_i·v for each row i, or g_i·g_i without a query."""
    v = None if query is None else {name: part.flatten() for name, part in mean_gradient(problem, query).items()}
    batches = []
    for gradients in stream(problem, layers):
        flat = {name: g.flatten(1) for name, g in gradients.items()}
        parts = [g.square().sum(1) for g in flat.values()] if v is None else [flat[name] @ v[name] for name in v]
        batches.append(torch.stack(parts).sum(0))
    return torch.cat(batches)


def forest(stream: Stream, problem: Problem, layers: Layers) -> Tensor:
    """Anomaly scores by scikit-learn's isolation forest, fitted to the matrix of gradients."""
    flat = [torch.cat([part.flatten(1) for part in g.values()], 1) for g in stream(problem, layers)]
    matrix = torch.cat(flat).float().cpu().numpy()
    fitted = IsolationForest(random_state=problem.seed).fit(matrix[problem.sampling_order().numpy()])
    return torch.from_numpy(-fitted.score_samples(matrix))


for label, source in (("torch.func vmap", vmapped), ("autograd, row by row", row_by_row)):
    peer("torch", work="last-layer squared L2 norms", name=label)(partial(products, source))
    peer("torch", work="last-layer isolation forest", name=label)(partial(forest, source))
    peer("torch", work="all-layer squared L2 norms", name=label)(partial(products, source))
    peer("torch", work="all-layer inner products", name=label)(partial(products, source))


@peer("torch", work="all-layer inner products", name="torch.func jvp")
def forward_mode(problem: Problem, layers: Layers, query: Examples) -> Tensor:
    """g_i·v as the derivative of each row's loss along v; no per-sample gradient is formed."""
    v, model = mean_gradient(problem, query), copied(problem, "all", passes_loss=True).requires_grad_(False)
    here = {name: p for name, p in model.named_parameters() if name in v}

    def losses(batch: Examples, parameters: dict[str, Tensor]) -> Tensor:
        return problem.losses(functional_call(model, parameters, (batch.x,)), batch.y)

    return torch.cat([jvp(partial(losses, batch), (here,), (v,))[1] for _, batch in problem.batches(problem.train)])


@peer("torch", work="DataInf, all layers", name="torch.func vmap")
def vmap_datainf(problem: Problem, layers: Layers) -> Tensor:
    """Kwon et al. 2024, eq. 5, on the whole matrix (n, p) of gradients, which its official code keeps, too."""
    v, kept = mean_gradient(problem, problem.validation), list(vmapped(problem, layers))
    total = torch.zeros(len(problem.train), device=problem.device)
    for layer in [list(names) for _, names in groupby(v, lambda name: name.rpartition(".")[0])]:
        matrix = torch.cat([torch.cat([g[name].flatten(1) for name in layer], 1) for g in kept])
        direction, square = torch.cat([v[name].flatten() for name in layer]), matrix.square().sum(1)
        lam = DAMPING * square.mean() / len(direction)
        removed = (matrix @ direction / (lam + square)) @ matrix / len(matrix)
        total -= matrix @ (direction - removed) / lam
    return total
