"""The generated tasks have distinct rows of ten classes and right answers."""

import numpy as np
import pytest
from data_files import complaint

import influence_bench as ib
from influence_bench.datasets.texts import generation


@pytest.mark.parametrize("name", ["sentence-transformations", "math-without-reasoning", "math-with-reasoning"])
def test_generated_tasks_have_distinct_rows_of_ten_classes(name):
    data, again, other = ib.load(name), ib.load(name), ib.load(name, seed=1)
    assert data.train.x == again.train.x != other.train.x
    assert data.true_y.bincount().tolist() == [90] * 10
    assert data.test.y.bincount().tolist() == [10] * 10
    assert data.valid.x == data.test.x
    assert len({*data.train.x, *data.test.x}) == 1000
    assert data.is_influential.shape == (900, 100)
    np.testing.assert_array_equal(data.is_influential.sum(0), 90)


def test_generated_answers_are_right():
    answers = [function("the calm pilot") for function in generation.TRANSFORMATIONS.values()]
    assert answers == [
        "pilot calm the",
        "tHe cAlM PiLoT",
        "the 1 calm 1 pilot",
        "th* c*lm p*l*t",
        "tthhe ccallmm ppillott",
        "The Calm Pilot",
        "th clm plt",
        "thely calmly pilotly",
        "e a io",
        "the the calm calm pilot pilot",
    ]
    with_reasons, without = ib.load("math-with-reasoning"), ib.load("math-without-reasoning")
    results = dict(without.train.x)
    assert len(results) == 900
    assert all(answer.endswith(f": {results[prompt]}") for prompt, answer in with_reasons.train.x)


def test_generation_has_no_class_labels_to_flip():
    assert "math-with-reasoning has no class labels for noise='symmetric'" in complaint(
        lambda: ib.load("math-with-reasoning", noise="symmetric", rate=0.2)
    )
