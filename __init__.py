"""influence-bench: which training samples hurt a model, which method finds them best, and what that costs."""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .bench import catalogue
from .bench.catalogue import datasets, methods, models, noises, suites
from .bench.contract import check_method
from .bench.dynamics import Dynamics
from .bench.errors import FunctionalFallback, InputError, NotConverged, NotFinite
from .bench.estimate import Estimate, estimate
from .bench.examples import Examples
from .bench.metrics import evaluate
from .bench.prepare import prepare
from .bench.problem import Checkpoint, Problem, Scores
from .bench.registry import method, score
from .bench.results import Run, open_run
from .bench.runner import run
from .bench.scikit_learn import from_sklearn
from .datasets.dataset import Dataset, load

__version__ = "0.1.0"

__all__ = [
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
        return getattr(catalogue, self.__name__.rpartition(".")[2])()


if not TYPE_CHECKING:  # there, the names are the functions imported above
    methods, datasets = (import_module(f"{__name__}.{room}") for room in ("methods", "datasets"))
    methods.__class__ = datasets.__class__ = _Room
