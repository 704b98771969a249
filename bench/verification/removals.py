"""Whether the rows that trainings left out follow from the scores and the truth of their run."""

from collections.abc import Iterator

from ..results.run import Run
from ..results.specs import Arm
from ..run.arms import removed, stale


def removal_faults(run: Run) -> Iterator[str]:
    """A line for each training that left out other rows than its scores suspect, or has another number of wrong labels.

    Raises:
        InputError: if a file of the run is damaged.
    """
    for record in run.arms():
        arm = Arm(run.problem(record.problem).spec, record.removal, record.budget, record.seed)
        rows, truth = removed(run, arm), run.truth(record.problem)
        if stale(run, arm) or (record.k, record.wrong_labels) != (len(rows), truth[rows].sum()):
            yield f"the training {arm} left out other rows than follow from the scores"
