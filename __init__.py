"""influence-bench: which training samples hurt a model, which method finds them best, and what that costs."""

from importlib import import_module
from types import ModuleType
from typing import Any

from .bench.audit.audit import Audited, audit
from .bench.catalogue import lists
from .bench.catalogue.contract import check_method
from .bench.catalogue.lists import datasets, methods, models, noises, suites
from .bench.errors import FunctionalFallback, InputError, NotConverged, NotFinite
from .bench.models.scikit_learn import from_sklearn
from .bench.problem.checkpoint import Checkpoint
from .bench.problem.dynamics import Dynamics
from .bench.problem.examples import Examples
from .bench.problem.problem import Problem, Scores
from .bench.registry.method import method
from .bench.registry.score import score
from .bench.results.metrics import evaluate
from .bench.results.opening import open_run
from .bench.results.run import Run
from .bench.run.estimate import Estimate, estimate
from .bench.run.runner import run
from .bench.training.prepare import prepare
from .datasets.dataset import Dataset, load

__version__ = "0.1.0"

__all__ = [
    "Audited",
    "Checkpoint",
    "Dataset",
    "Dynamics",
    "Estimate",
    "Examples",
    "FunctionalFallback",
    "InputError",
    "NotConverged",
    "NotFinite",
    "Problem",
    "Run",
    "Scores",
    "audit",
    "check_method",
    "datasets",
    "estimate",
    "evaluate",
    "from_sklearn",
    "load",
    "method",
    "methods",
    "models",
    "noises",
    "open_run",
    "prepare",
    "run",
    "score",
    "suites",
]


class _Room(ModuleType):
    """A room of this package whose name is also a function of this face: `ib.methods()` lists what the room holds."""

    def __call__(self) -> Any:
        return getattr(lists, self.__name__.rpartition(".")[2])()


for _name in ("methods", "datasets"):
    _room = import_module(f"{__name__}.{_name}")
    _room.__class__ = _Room
    globals()[_name] = _room
