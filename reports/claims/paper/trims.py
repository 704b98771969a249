"""What trimming was worth in the suites that ask about budgets and epochs, as pictures."""

from matplotlib.figure import Figure

from ....bench.errors import InputError
from ....bench.results.run import Run
from ...trimming.curves import by_budget, by_epoch, largest_budgets, several_budgets
from ...trimming.gains import Trimming, trimming
from ..claim import picture


@picture("paper-threshold")
def gains_by_budget(run: Run, width: float) -> Figure:
    """Points of test accuracy over random removal (dashed) by budget, one panel for each removal, with 95 % intervals
    as bands; the others are grey. True is as many rows as are wrong."""
    found = _trimming(run)
    problems = several_budgets(found.table)
    if not problems:
        raise InputError(f"{run.folder} was trimmed by a single budget")
    return by_budget(found, problems[0], width)


@picture("paper-text")
def accuracy_by_epoch(run: Run, width: float) -> Figure:
    """Test accuracy after each epoch, the mean over trainings, one panel for each removal; random removal is dashed,
    the others are grey."""
    found = _trimming(run)
    problem, budget = next(iter(largest_budgets(found.table).items()))
    return by_epoch(found, problem, budget, width)


def _trimming(run: Run) -> Trimming:
    found = trimming([run])
    if found is None:
        raise InputError(f"{run.folder} has no retrained models yet: influence-bench trim {run.folder}")
    return found
