"""An interrupted training ends in the same bits, and storing its state takes a small share of the time."""

from dataclasses import replace

import pytest
from small_trainings import RECIPES, ROWS, network, same

from influence_bench.bench.training import resume
from influence_bench.bench.training.loop import train
from influence_bench.bench.training.resume import Unfinished


class Interrupted(Exception):
    pass


class InterruptedAfter(Unfinished):
    """Stores every epoch, and is interrupted in the middle of one."""

    def __init__(self, file, steps):
        super().__init__(file, lambda _: None)
        self.pause, self.left = 0.0, steps

    def step(self):
        self.left -= 1
        if self.left < 0:
            raise Interrupted


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.optimizer)
def test_an_interrupted_training_ends_in_the_bits_of_an_uninterrupted_one(recipe, tmp_path):
    file, whole = tmp_path / "training", train(network(recipe), ROWS, 3, seed=0)
    for steps in (3, 5, 7):  # an epoch has five: before the first state, at its end, after the second
        with pytest.raises(Interrupted):
            train(network(recipe), ROWS, 3, 0, InterruptedAfter(file, steps))
    assert same(whole, train(network(recipe), ROWS, 3, 0, Unfinished(file, lambda _: None)))
    assert [entry.name for entry in tmp_path.iterdir()] == ["training"]


def test_a_damaged_state_is_as_good_as_none(tmp_path):
    file = tmp_path / "training"
    with pytest.raises(Interrupted):
        train(network(RECIPES[0]), ROWS, 3, 0, InterruptedAfter(file, 7))
    file.write_bytes(file.read_bytes()[:-100])
    again = train(network(RECIPES[0]), ROWS, 3, 0, Unfinished(file, lambda _: None))
    assert same(train(network(RECIPES[0]), ROWS, 3, seed=0), again)


def test_a_state_is_stored_now_and_then_and_takes_a_small_share_of_the_time(monkeypatch, tmp_path):
    now, stored = 0.0, []

    def store(training, file):
        nonlocal now
        now += 2.0
        stored.append(training.epoch)

    class Clock(Unfinished):
        def epoch(self, training):
            nonlocal now
            now += 3.0
            super().epoch(training)

    monkeypatch.setattr(resume, "monotonic", lambda: now)
    monkeypatch.setattr(resume, "store", store)
    train(network(replace(RECIPES[0], epochs=32)), ROWS, 3, 0, Clock(tmp_path / "training", lambda _: None))
    assert stored == [2, 16, 30]  # five seconds after the start, then each 40: a twentieth of the time
