"""Jobs and answers: typed on both sides of a pipe."""

import pytest

import influence_bench as ib
from influence_bench.bench.records import line, parsed
from influence_bench.bench.results.specs import Arm, Cell, ProblemSpec
from influence_bench.bench.run.jobs import Answer, Declare, Estimate, Job, Prepare, Score, Train
from influence_bench.bench.run.suite import Suite

SPEC = ProblemSpec("blobs", "mlp", "symmetric", 0.2)
CELL = Cell(SPEC, "tracin", {"layers": "all", "damping": 0.1}, "tracin[layers=all]")
WORKS = (Prepare(SPEC, True, "5a17", False), Score(CELL, 8.0), Estimate(CELL, 8.0), Train(Arm(SPEC, "random", "5%", 0)))


@pytest.mark.parametrize("work", WORKS)
def test_a_job_arrives_as_it_was_sent_and_knows_its_problem(work):
    job = parsed(Job, line(Job("folder", work, 10.0)), "a job")
    assert job == Job("folder", work, 10.0)
    assert type(job.work) is type(work)
    assert job.problem == SPEC


def test_a_suite_arrives_as_it_was_sent_and_is_no_work_on_a_problem():
    suite = Suite("small", "A small suite", (SPEC,), ("loss", "tracin[layers=all]"), 2)
    job = parsed(Job, line(Job("folder", Declare(suite, ["mine.py"]))), "a job")
    assert job.work == Declare(suite, ["mine.py"])
    assert job.problem is None


def test_a_kind_of_work_that_is_unknown_is_an_error_and_no_estimate():
    text = line(Job("folder", Score(CELL, 8.0))).replace('"score"', '"dance"')
    with pytest.raises(ib.InputError, match="a job has a wrong field work"):
        parsed(Job, text, "a job")


def test_an_answer_has_one_of_the_known_ways_to_end():
    with pytest.raises(ib.InputError, match="wrong field status, 'ready'"):
        parsed(Answer, '{"status": "ready"}', "an answer")
