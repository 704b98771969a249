"""The registry of peers: `@peer(package, work=...)` on a function adds one.

Every peer takes the model as it stands, in evaluation mode, and uses the fastest way that its library documents. The
loss is cross-entropy, except for peers that take the problem's own. The library is imported inside the function: a
library that is not installed is reported, and is no error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from ....methods.peers.inputs import scores
from ... import fingerprint
from ...problem.examples import Examples
from ...problem.problem import Problem, Scores
from ...registry.arguments import Registered
from ...registry.registry import Registry

WorkName = Literal[
    "last-layer squared L2 norms",
    "last-layer isolation forest",
    "all-layer squared L2 norms",
    "all-layer inner products",
    "DataInf, all layers",
    "EK-FAC self-influence, all layers",
]
LAST_LAYER: frozenset[WorkName] = frozenset(("last-layer squared L2 norms", "last-layer isolation forest"))
WITH_QUERY: frozenset[WorkName] = frozenset(("all-layer inner products",))
Function = Callable[..., Tensor]
Query = Examples | None


@dataclass(frozen=True)
class Peer(Registered):
    """A library's way to do a work of the gradient engine.

    Args:
        work: the name of the work.
        package: the library, as pip names it.
        differs: how its scores differ from ours, "" if they do not.
    """

    work: WorkName
    package: str
    differs: str

    @property
    def key(self) -> str:
        """The name and the work: one library may do several works."""
        return f"{self.name}: {self.work}"

    @property
    def version(self) -> str:
        """The version of the library, or 'not installed'; the library is not imported."""
        return fingerprint.installed(self.package) or "not installed"

    @property
    def installed(self) -> bool:
        """Whether the library is installed."""
        return self.version != "not installed"

    def scores(self, problem: Problem) -> Scores:
        """The scores of the training rows, float64 (n_train,)."""
        query = {"query": problem.validation} if self.work in WITH_QUERY else {}
        layers = "last" if self.work in LAST_LAYER else "all"
        return scores(self.function(problem, layers=layers, **query))


PEERS: Registry[Peer] = Registry("peer", "influence_bench.bench.speed.peers")


def peer(package: str, *, work: WorkName, name: str = "", differs: str = "") -> Callable[[Function], Function]:
    """Register a function `(problem, layers, ...) -> values (n_train,)`.

    The function gets `layers`, "last" or "all"; for inner products also `query`, the rows whose mean gradient is v.

    Args:
        package: the library, as pip names it.
        work: the work that the function does.
        name: of the peer; default: the package.
        differs: how the values differ from ours, if they do.
    """

    def register(function: Function) -> Function:
        PEERS.add(Peer(name or package, function, work, package, differs))
        return function

    return register


def peers(work: str | None = None) -> list[Peer]:
    """The peers that do a work; by default all."""
    return [entry for entry in PEERS.all().values() if work in (None, entry.work)]
