"""Datasets: splits, truth, and clear refusals."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import influence_bench as ib
from influence_bench.datasets.dataset import DATASETS, Source
from influence_bench.datasets.splitting import scaled, split

EMBEDDED = ["blobs", "breast-cancer", "digits", "half-moons", "iris", "wine"]


@given(st.integers(0, 60), st.lists(st.integers(0, 3), min_size=60, max_size=90), st.integers(0, 5))
def test_splits_are_exact_disjoint_and_in_proportion(count, labels, seed):
    y = torch.tensor(labels)
    rest, drawn = split(np.arange(len(y)), y, count, np.random.default_rng(seed))
    assert len(drawn) == count
    assert sorted([*rest, *drawn]) == list(range(len(y)))
    for label in set(labels):
        assert abs(labels.count(label) * count / len(y) - sum(labels[row] == label for row in drawn)) <= 1


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_datasets_load_with_noise_in_the_training_rows_only(name):
    clean, noisy = ib.load(name), ib.load(name, noise="symmetric", rate=0.2)
    assert torch.equal(clean.train.x, noisy.train.x)
    assert not clean.is_noisy.any()
    assert noisy.is_noisy.sum() == round(0.2 * len(noisy.train)) == round(noisy.card["rate"] * len(noisy.train))
    assert torch.equal(noisy.true_y, clean.train.y)
    assert torch.equal(noisy.valid.y, clean.valid.y)
    assert torch.equal(noisy.test.y, clean.test.y)
    assert {"source", "licence", "citation", "noise", "seed"} <= noisy.card.keys()
    rows = [tuple(row.tolist()) for part in (noisy.train, noisy.valid, noisy.test) for row in part.x]
    assert len(set(rows)) >= len(rows) - 5  # the splits share no row; scikit-learn's sets hold a few duplicates


def test_same_seed_same_rows_other_seed_other_rows():
    first, again, other = (ib.load("digits", noise="symmetric", rate=0.2, seed=s) for s in (1, 1, 2))
    assert torch.equal(first.train.x, again.train.x)
    assert torch.equal(first.train.y, again.train.y)
    assert not torch.equal(first.train.y, other.train.y)


def test_a_subset_is_stratified_and_of_the_asked_size():
    data = ib.load("digits", size=200)
    assert len(data.train) == 200
    assert torch.bincount(data.train.y).tolist() == pytest.approx([20] * 10, abs=2)


def test_standardising_uses_training_rows_and_bytes_become_shares():
    train, test = torch.tensor([[0.0, 5.0], [2.0, 5.0]]), torch.tensor([[4.0, 6.0]])
    y = torch.tensor([0, 1])
    scaled_train, scaled_test = scaled(ib.Examples(train, y), ib.Examples(test, y[:1]), standardize=True)
    assert scaled_train.x.mean(0).tolist() == [0, 0]
    assert scaled_test.x[0, 1] == 1  # a constant feature is shifted, not divided
    images = scaled(ib.Examples(torch.full((1, 1, 2, 2), 255, dtype=torch.uint8), y[:1]), standardize=False)[0]
    assert images.x.max() == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "digit"}, "no dataset 'digit': did you mean digits"),
        ({"name": "digits", "noise": "symetric"}, "did you mean symmetric"),
        ({"name": "digits", "noise": "aggregate"}, "no noise for digits 'aggregate'"),
        ({"name": "digits", "noise": "symmetric", "rate": 1.5}, r"rate=1\.5 is out of range"),
        ({"name": "digits", "noise": "symmetric", "rate": -0.1}, "out of range"),
        ({"name": "digits", "size": 3}, "too small for the 10 classes"),
    ],
)
def test_bad_arguments_are_one_clear_line(arguments, message):
    with pytest.raises(ib.InputError, match=message) as caught:
        ib.load(**arguments)
    assert "\n" not in str(caught.value)


def test_every_dataset_names_its_source_licence_and_citation():
    for loader in DATASETS.all().values():
        assert loader.source
        assert loader.licence
        assert loader.citation
        assert loader.idea.endswith(".")


def test_a_new_dataset_is_one_decorated_function(monkeypatch, own_datasets):
    from influence_bench.datasets import dataset

    @dataset.dataset(kind="table", source="here", licence="none", citation="none")
    def two_points() -> Source:
        return Source(torch.arange(40.0)[:, None], torch.arange(40) % 2, ("even", "odd"))

    data = ib.load("two-points", noise="symmetric", rate=0.1)
    assert (len(data.train), len(data.valid), len(data.test)) == (27, 3, 10)


def test_a_dataset_with_arguments_takes_them_in_brackets_and_one_with_splits_keeps_them(monkeypatch, own_datasets):
    from influence_bench.datasets import dataset

    @dataset.dataset(kind="table", source="here", licence="none", citation="none", human=("given",))
    def points(seed: int, rows: int, shift: float = 0.0) -> Source:
        """Points on a line."""
        held = ib.Examples(torch.full((4, 1), 9.0 + seed), torch.arange(4) % 2)
        y = torch.arange(rows) % 2
        y[0] = -1
        human = {"given": torch.zeros(rows).long()}
        return Source(torch.arange(rows)[:, None] + shift, y, ("even", "odd"), held, held, human)

    loader, arguments = dataset.DATASETS.parse("points[shift=1, rows=40]")
    assert loader.label(arguments) == "points[rows=40,shift=1]"
    assert list(loader.arguments) == ["rows", "shift"]
    given, clean = (ib.load("points[shift=0.5,rows=40]", noise=noise, seed=3) for noise in ("given", "none"))
    assert (len(given.train), len(given.valid), len(given.test)) == (40, 4, 4)
    assert given.train.x[0] == 0.5
    assert given.valid.x[0] == given.test.x[0] == 12
    assert given.is_noisy.sum() == 21  # that of no known class is wrong
    assert len(clean.train) == 39  # and has no right label to be given
