"""The scores of our gradient engine as other libraries compute them, to be timed beside it.

`@peer(package, work=...)` on a function adds one; its library is imported inside, so that an absent one is reported and
is no error. All take the model as it stands, in evaluation mode, and cross-entropy, in their fastest documented way.
"""

import copy
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module, metadata
from itertools import groupby
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, Literal

import torch
from sklearn.ensemble import IsolationForest
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, vmap
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from .errors import InputError
from .examples import Examples
from .problem import Problem, Scores

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
SUMMED = nn.CrossEntropyLoss(reduction="sum")
WHOLE: dict[str, Any] = {"collate_fn": lambda batch: batch}  # batches come whole: nobody is charged for collating rows
CAPTUM: dict[str, Any] = {"checkpoints": [""], "checkpoints_load_func": lambda *_: 1.0, "loss_fn": SUMMED}


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
        try:
            return metadata.version(self.package)
        except metadata.PackageNotFoundError:
            return "not installed"

    @property
    def installed(self) -> bool:
        return self.version != "not installed"


_peers: list[Peer] = []
Function = Callable[..., Tensor]
Query = Examples | None


def peer(package: str, *, work: Work, name: str = "", differs: str = "") -> Callable[[Function], Function]:
    """Register a function from a problem to values (n_train,); differs: in what they differ from ours, if they do.

    Work on the last layer also gets `layer`, its name; inner products get `query`, the rows that v is the mean of.
    """

    def register(function: Function) -> Function:
        def scores(problem: Problem) -> Scores:
            more: dict[str, Any] = {"layer": last_linear(problem)} if work.startswith("last-layer") else {}
            more |= {"query": problem.validation} if "inner" in work else {}
            return function(problem, **more).detach().double().cpu().numpy()

        _peers.append(Peer(name or package, work, package, differs, scores))
        return function

    return register


def peers(work: Work | None = None) -> list[Peer]:
    """The peers that do this kind of work, or all of them."""
    return [one for one in _peers if work in (None, one.work)]


def last_linear(problem: Problem) -> str:
    """Name of the last linear layer."""
    names: list[str] = [name for name, module in problem.model.named_modules() if isinstance(module, nn.Linear)]
    if not names:
        raise InputError("the model has no linear layer")
    return names[-1]


def copied(problem: Problem, layer: str = "") -> nn.Module:
    """A copy of the model for a library to change, in evaluation mode; a layer, or all of it, wants gradients."""
    model = copy.deepcopy(problem.model).to(problem.device).eval().requires_grad_(False)
    model.get_submodule(layer).requires_grad_(True)
    return model


class Rows(TensorDataset):
    __getitems__ = TensorDataset.__getitem__  # by which `DataLoader` takes a whole batch


def loader(problem: Problem, examples: Examples) -> DataLoader[tuple[Tensor, ...]]:
    """Batches in order, of the problem's size, on its device."""
    return DataLoader(Rows(examples.x.to(problem.device), examples.y.to(problem.device)), problem.batch_size, **WHOLE)


Gradients = Mapping[str, Tensor]  # of single samples, by parameter: (rows, *shape)
Stream = Callable[[Problem, str], Iterator[Gradients]]


def vmapped(problem: Problem, layer: str = "") -> Iterator[Gradients]:
    """Per-sample gradients by `vmap(grad(loss))`, a batch at a time."""
    model = copied(problem, layer)
    wanted = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}

    def loss(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(model, parameters, (x[None],)), y[None])

    gradients = vmap(grad(loss), in_dims=(None, 0, 0))
    yield from (gradients(wanted, batch.x, batch.y) for _, batch in problem.batches(problem.train))


def one_by_one(problem: Problem, layer: str = "") -> Iterator[Gradients]:
    """Per-sample gradients by one backward pass each, as in the code of arXiv 2405.03869."""
    model = copied(problem, layer)
    wanted = {name: p for name, p in model.named_parameters() if p.requires_grad}
    for _, row in replace(problem, batch_size=1).batches(problem.train):
        gradients = torch.autograd.grad(SUMMED(model(row.x), row.y), list(wanted.values()), materialize_grads=True)
        yield {name: g[None] for name, g in zip(wanted, gradients, strict=True)}


def mean_gradient(problem: Problem, query: Examples) -> dict[str, Tensor]:
    """v, the mean gradient of the query's rows, by parameter that has one."""
    model = copied(problem)
    for _, batch in problem.batches(query):
        SUMMED(model(batch.x), batch.y).backward()
    return {name: p.grad / len(query) for name, p in model.named_parameters() if p.grad is not None}


def products(stream: Stream, problem: Problem, layer: str = "", query: Query = None) -> Tensor:
    """g_i·g_i, or g_i·v."""
    v = None if query is None else {name: part.flatten() for name, part in mean_gradient(problem, query).items()}
    found = []
    for gradients in stream(problem, layer):
        flat = {name: g.flatten(1) for name, g in gradients.items()}
        parts = [g.square().sum(1) for g in flat.values()] if v is None else [flat[name] @ v[name] for name in v]
        found.append(torch.stack(parts).sum(0))
    return torch.cat(found)


def forest(stream: Stream, problem: Problem, layer: str) -> Tensor:
    """Anomaly scores of scikit-learn's isolation forest on the matrix of gradients."""
    flat = [torch.cat([part.flatten(1) for part in g.values()], 1) for g in stream(problem, layer)]
    matrix = torch.cat(flat).float().cpu().numpy()
    fitted = IsolationForest(random_state=problem.seed).fit(matrix[problem.sampling_order().numpy()])
    return torch.from_numpy(-fitted.score_samples(matrix))


for label, source in (("torch.func vmap", vmapped), ("autograd, one by one", one_by_one)):
    peer("torch", work="last-layer squared L2 norms", name=label)(partial(products, source))
    peer("torch", work="last-layer isolation forest", name=label)(partial(forest, source))
    peer("torch", work="all-layer squared L2 norms", name=label)(partial(products, source))
    peer("torch", work="all-layer inner products", name=label)(partial(products, source))


@peer("torch", work="all-layer inner products", name="torch.func jvp")
def forward_mode(problem: Problem, query: Examples) -> Tensor:
    """g_i·v as the derivative of each sample's loss along v: no gradient is formed."""
    v, model = mean_gradient(problem, query), copied(problem).requires_grad_(False)
    here = {name: p for name, p in model.named_parameters() if name in v}

    def losses(batch: Examples, parameters: dict[str, Tensor]) -> Tensor:
        return F.cross_entropy(functional_call(model, parameters, (batch.x,)), batch.y, reduction="none")

    return torch.cat([jvp(partial(losses, batch), (here,), (v,))[1] for _, batch in problem.batches(problem.train)])


@peer("torch", work="DataInf, all layers", name="torch.func vmap")
def vmap_datainf(problem: Problem) -> Tensor:
    """Kwon et al. 2024, eq. 5, on gradients that are all kept, (n, p), as in its official code."""
    v, kept = mean_gradient(problem, problem.validation), list(vmapped(problem))
    total = torch.zeros(len(problem.train), device=problem.device)
    for layer in [list(names) for _, names in groupby(v, lambda name: name.rpartition(".")[0])]:
        matrix = torch.cat([torch.cat([g[name].flatten(1) for name in layer], 1) for g in kept])
        direction, square = torch.cat([v[name].flatten() for name in layer]), matrix.square().sum(1)
        lam = DAMPING * square.mean() / len(direction)
        removed = (matrix @ direction / (lam + square)) @ matrix / len(matrix)
        total -= matrix @ (direction - removed) / lam
    return total


@peer("captum", work="last-layer squared L2 norms", name="captum TracInCPFast", differs="leaves out the bias")
def captum_fast(problem: Problem, layer: str) -> Any:
    fast = import_module("captum.influence").TracInCPFast
    return fast(copied(problem), layer, loader(problem, problem.train), **CAPTUM).self_influence()


@peer("captum", work="last-layer squared L2 norms", name="captum TracInCP")
@peer("captum", work="all-layer squared L2 norms", name="captum TracInCP", differs=KNOWN_LAYERS)
@peer("captum", work="all-layer inner products", name="captum TracInCP", differs=KNOWN_LAYERS)
def captum(problem: Problem, layer: str = "", query: Query = None) -> Any:
    """By the sample-wise trick, captum's fastest way to all layers."""
    options = CAPTUM | {"layers": [layer] if layer else None, "sample_wise_grads_per_batch": True}
    found = import_module("captum.influence").TracInCP(copied(problem), loader(problem, problem.train), **options)
    if query is None:
        return found.self_influence()
    return found.influence(loader(problem, query), aggregate=True)[0] / len(query)


def dattri(attributor: str, problem: Problem, layer: str = "", query: Query = None, **options: Any) -> Any:
    """Self-attribution, or attribution to the query's rows as if they were one sample, with their mean loss."""
    model, train, shape = copied(problem), loader(problem, problem.train), problem.train.x.shape[1:]
    names = [name for name, _ in model.named_parameters() if name.startswith(f"{layer}.")]

    def loss(parameters: dict[str, Tensor], data: tuple[Tensor, Tensor]) -> Tensor:
        return F.cross_entropy(functional_call(model, parameters, (data[0].reshape(-1, *shape),)), data[1].reshape(-1))

    task = import_module("dattri.task").AttributionTask(loss, model, model.state_dict())
    options |= {"layer_name": names if layer else None, "device": str(problem.device)}
    found = getattr(import_module("dattri.algorithm"), attributor)(task, **options)
    with redirect_stderr(io.StringIO()):  # its progress bars cannot be turned off
        found.projector_kwargs = None  # TracIn takes it for a projection to 512 dimensions if given as an argument
        if attributor != "TracInAttributor":
            found.cache(train)
        if query is None:
            return found.self_attribute(train)
        return found.attribute(train, loader(problem, Examples(query.x[None], query.y[None])))[:, 0]


tracin = partial(dattri, "TracInAttributor", weight_list=torch.ones(1), normalized_grad=False)
peer("dattri", work="last-layer squared L2 norms", name="dattri TracIn")(tracin)
peer("dattri", work="all-layer squared L2 norms", name="dattri TracIn")(tracin)
peer("dattri", work="all-layer inner products", name="dattri TracIn")(tracin)


@peer("dattri", work="DataInf, all layers", differs=f"one λ, {DATTRI_DAMPING}, for all layers")
def dattri_datainf(problem: Problem) -> Any:
    return -dattri("IFAttributorDataInf", problem, query=problem.validation, regularization=DATTRI_DAMPING)


@peer("kronfluence", work="last-layer squared L2 norms")
@peer("kronfluence", work="all-layer squared L2 norms", differs=KNOWN_LAYERS)
@peer("kronfluence", work="all-layer inner products", differs=KNOWN_LAYERS)
def kronfluence(problem: Problem, layer: str = "", query: Query = None, strategy: str = "identity") -> Any:
    """g_i·C⁻¹g_i, or g_i·C⁻¹v, for the strategy's curvature C damped by a tenth of its mean eigenvalue."""
    library = import_module("kronfluence")

    def loss(batch: tuple[Tensor, Tensor], model: nn.Module, sample: bool = False) -> Tensor:
        logits = model(batch[0])
        y = torch.multinomial(logits.detach().softmax(1), 1)[:, 0] if sample else batch[1]
        return F.cross_entropy(logits, y, reduction="sum")

    task = SimpleNamespace(compute_train_loss=loss, compute_measurement=loss, get_attention_mask=lambda batch: None)
    task.get_influence_tracked_modules = lambda: [layer] if layer else None
    task.enable_post_process_per_sample_gradient = False
    model, cpu = library.prepare_model(copied(problem), task), str(problem.device) == "cpu"
    train, size = loader(problem, problem.train).dataset, problem.batch_size
    score_args = library.arguments.ScoreArguments(damping_factor=None, aggregate_query_gradients=query is not None)
    with TemporaryDirectory() as folder, torch.random.fork_rng():
        torch.manual_seed(problem.seed)
        found = library.Analyzer("peer", model, task, cpu, disable_tqdm=True, output_dir=folder)
        found.set_dataloader_kwargs(library.utils.dataset.DataLoaderKwargs(**WHOLE))
        found.fit_all_factors("f", train, size, factor_args=library.arguments.FactorArguments(strategy))
        if query is None:
            found.compute_self_scores("s", "f", train, size, score_args=score_args)
            return found.load_self_scores("s")["all_modules"]
        queries = loader(problem, query).dataset
        found.compute_pairwise_scores("s", "f", queries, train, size, size, score_args=score_args)
        return found.load_pairwise_scores("s")["all_modules"][0] / len(query)


ekfac = partial(kronfluence, strategy="ekfac")
peer("kronfluence", work="EK-FAC self-influence, all layers", differs=KNOWN_LAYERS)(ekfac)


@peer("opacus", work="last-layer squared L2 norms", name="opacus ghost norms")
@peer("opacus", work="all-layer squared L2 norms", name="opacus ghost norms")
def opacus(problem: Problem, layer: str = "") -> Tensor:
    ghost, found = import_module("opacus.grad_sample").GradSampleModuleFastGradientClipping, []
    model = ghost(copied(problem, layer), loss_reduction="sum")
    for module in model.modules():
        module.training = any(p.requires_grad for p in module.parameters(False))  # in evaluation mode no hook records
    for _, batch in problem.batches(problem.train):
        model.zero_grad(set_to_none=True)
        SUMMED(model(batch.x), batch.y).backward()
        found.append(model.get_norm_sample().square())
    return torch.cat(found)
