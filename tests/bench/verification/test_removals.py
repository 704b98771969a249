"""The rows that trainings left out follow from the scores and the truth."""

from dataclasses import replace

import pytest
from stored_runs import stored_run

from influence_bench.bench.results.specs import Arm
from influence_bench.bench.verification.removals import removal_faults


@pytest.fixture
def run(tmp_path):
    return stored_run(tmp_path / "run", trimmed=True)


def test_trainings_of_a_run_have_no_fault(run):
    assert list(removal_faults(run)) == []


def test_other_scores_would_have_left_out_other_rows(run):
    cell = next(cell for cell in run.cells() if cell.method == "loss")
    run.write_cell(replace(cell, scores=None), -run.scores(cell))
    assert sorted(removal_faults(run)) == [
        f"the training loss of 5% on {cell.problem}, training {seed} left out other rows than follow from the scores"
        for seed in range(2)
    ]


@pytest.mark.parametrize("change", [{"k": 3}, {"wrong_labels": 0}, {"depends_on": {"removed": "0", "problem": "0"}}])
def test_a_record_with_other_numbers_is_named(run, change):
    record = next(record for record in run.arms() if record.removal == "oracle")
    arm = Arm(run.problem(record.problem).spec, record.removal, record.budget, record.seed)
    run.write_arm(arm, replace(record, **change))
    assert len(list(removal_faults(run))) == 1


def test_a_training_that_was_taken_away_is_named(run):
    gone = next(record for record in run.arms() if record.removal == "loss")
    run._arm_file(Arm(run.problem(gone.problem).spec, gone.removal, gone.budget, gone.seed)).unlink()
    (line,) = removal_faults(run)
    assert line == f"the training loss of {gone.budget} on {gone.problem}, training {gone.seed} is not there"
