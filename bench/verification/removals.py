"""Whether the trainings without some rows are whole, and what they left out follows from the scores and the truth."""

from collections.abc import Iterator, Sequence
from itertools import product

from ..results.records import ArmRecord
from ..results.run import Run
from ..results.specs import Arm
from ..run.arms import removed, stale


def removal_faults(run: Run) -> Iterator[str]:
    """A line for each training that is missing, left out other rows than its scores suspect, or counts them wrongly.

    Raises:
        InputError: if a file of the run is damaged.
    """
    arms = run.arms()
    yield from _missing(run, arms)
    for record in arms:
        arm = Arm(run.problem(record.problem).spec, record.removal, record.budget, record.seed)
        rows, truth = removed(run, arm), run.truth(record.problem)
        if stale(run, arm) or (record.k, record.wrong_labels) != (len(rows), truth[rows].sum()):
            yield f"the training {arm} left out other rows than follow from the scores"


def _missing(run: Run, arms: Sequence[ArmRecord]) -> Iterator[str]:
    """Whatever is removed from a problem is removed under all of its seeds, and as many trainings follow."""
    specs = {problem.spec.slug: problem.spec for problem in run.problems()}
    there = {(arm.problem, arm.removal, arm.budget, arm.seed) for arm in arms}
    for label in sorted({specs[arm.problem].label for arm in arms}):
        of_label = [arm for arm in arms if specs[arm.problem].label == label]
        removals = sorted({(arm.removal, arm.budget) for arm in of_label})
        trainings = sorted({arm.seed for arm in of_label})
        slugs = sorted(slug for slug, spec in specs.items() if spec.label == label)
        for (removal, budget), slug, seed in product(removals, slugs, trainings):
            if (slug, removal, budget, seed) not in there:
                yield f"the training {Arm(specs[slug], removal, budget, seed)} is not there"
