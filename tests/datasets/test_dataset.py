"""`load`: splits, subsets, noise in the training rows only, and the truth about every row."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

import influence_bench as ib
from influence_bench.bench.problem.examples import Examples
from influence_bench.bench.problem.texts import Texts
from influence_bench.datasets.source import Source, dataset

EMBEDDED = ["blobs", "breast-cancer", "digits", "half-moons", "iris", "wine"]


def same(first, second):
    return first.shape == second.shape and torch.equal(first, second)


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


@pytest.mark.parametrize("name", ["blobs", "gaussians[rows=500]", "iris", "sentence-transformations"])
def test_a_salt_changes_everything_random_and_the_order_of_rows_and_leaves_no_trace(name):
    noise = {} if name == "sentence-transformations" else {"noise": "symmetric", "rate": 0.2}
    plain, first, again, other = (ib.load(name, **noise, seed=1, salt=salt) for salt in ("", "5a17", "5a17", "bead"))
    for data in (plain, other):
        assert (
            data.train.x != first.train.x if isinstance(data.train.x, Texts) else not same(data.train.x, first.train.x)
        )
        assert not np.array_equal(data.truth, first.truth)
    assert same(first.train.y, again.train.y)
    assert np.array_equal(first.truth, again.truth)
    assert first.card == plain.card


def test_a_salt_permutes_rows_that_a_source_has_in_one_order(own_datasets):
    @dataset(kind="text", source="", licence="", citation="")
    def ordered():
        texts = Texts.of((f"{row:03}",) for row in range(200))  # all of one length
        held = Examples(texts[:10], torch.arange(10) % 2)
        return Source(texts, torch.arange(200) % 2, ("0", "1"), test=held, valid=held)

    plain, salted = ([int(row[0]) for row in ib.load("ordered", salt=salt).train.x] for salt in ("", "5a17"))
    assert plain == list(range(200))
    assert sorted(salted) == plain
    assert abs(spearmanr(plain, salted).statistic) < 0.3


def test_a_subset_is_stratified_and_of_the_asked_size():
    data = ib.load("digits", size=200)
    assert len(data.train) == 200
    assert torch.bincount(data.train.y).tolist() == pytest.approx([20] * 10, abs=2)


def test_a_dataset_knows_its_noise_by_kind_and_its_card_the_realised_rates():
    data = ib.load("digits", noise="symmetric+duplicates[rate=0.1]", rate=0.2, seed=3)
    n = len(data.train)
    assert data.detriments["symmetric"].sum() == round(0.2 * n)
    assert data.detriments["duplicates"].sum() == round(0.1 * n)
    np.testing.assert_array_equal(data.is_noisy, data.detriments["symmetric"] | data.detriments["duplicates"])
    np.testing.assert_array_equal(data.detriments["symmetric"], (data.train.y != data.true_y).numpy())
    assert data.card["rates"] == {"symmetric": round(0.2 * n) / n, "duplicates": round(0.1 * n) / n}
    assert data.card["rate"] == data.is_noisy.mean()
    alone = ib.load("digits", noise="symmetric", rate=0.2, seed=3)
    np.testing.assert_array_equal(alone.is_noisy, data.detriments["symmetric"])
    assert len(ib.load("digits").detriments) == 0


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
