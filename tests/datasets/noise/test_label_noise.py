"""Label noise: exact counts, the distribution that each kind promises, and clear refusals."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from noisy_rows import LABEL_NOISE, MATRIX, clean_rows, confused, noisy_rows, rows_of

import influence_bench as ib


@given(st.sampled_from(LABEL_NOISE), st.integers(12, 80), st.floats(0, 0.5), st.integers(0, 9))
@settings(deadline=None)
def test_label_noise_makes_exactly_the_asked_share_wrong_and_touches_nothing_else(noise, n, rate, seed):
    clean = clean_rows(n, seed=seed)
    noisy, masks = noisy_rows(clean, noise, rate, seed)
    (mask,) = masks.values()
    assert mask.sum() == round(rate * n)
    np.testing.assert_array_equal(mask, (noisy.y != clean.y).numpy())
    assert set(noisy.y.tolist()) <= {0, 1, 2}
    assert torch.equal(noisy.x, clean.x)
    assert torch.equal(noisy.true_y, clean.y)


def test_symmetric_noise_spreads_evenly_over_the_other_classes():
    y = torch.zeros(9000, dtype=torch.long)
    rows = rows_of(y[:, None].float(), y, 4)
    counts = confused(noisy_rows(rows, "symmetric", 0.6)[0])[0]
    assert counts[0] == 3600
    assert abs(counts[1:] - 1800).max() < 150


def test_pair_noise_gives_the_next_class():
    noisy = noisy_rows(clean_rows(300), "pair", 0.3)[0]
    assert set(((noisy.y - noisy.true_y) % 3).tolist()) == {0, 1}


@given(st.integers(0, 200), st.integers(0, 9))
@settings(deadline=None)
def test_a_confusion_matrix_is_followed_with_no_count_two_rows_off(n, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.dirichlet([0.5] * 4, 4)
    y = torch.from_numpy(rng.integers(0, 4, n))
    noisy, masks = noisy_rows(rows_of(torch.zeros(n, 1), y, 4), f"confusion[matrix={matrix.tolist()}]", seed=seed)
    expected = np.bincount(y, minlength=4)[:, None] * matrix
    wrong = expected.sum() - np.trace(expected)
    assert masks["confusion"].sum() == round(wrong)
    others = ~np.eye(4, dtype=bool)
    assert np.abs(confused(noisy) - expected)[others].max() < 2
    assert np.abs(confused(noisy).diagonal() - expected.diagonal()).max() <= 1 + 1e-6


def test_a_rate_scales_a_confusion_matrix():
    noisy, masks = noisy_rows(clean_rows(3000), f"confusion[matrix={MATRIX}]", 0.15)
    assert masks["confusion"].sum() == 450
    wrong = confused(noisy)[~np.eye(3, dtype=bool)]
    np.testing.assert_array_equal(wrong, [150, 0, 0, 50, 125, 125])


def test_instance_noise_takes_the_class_that_the_features_choose():
    n = 900
    y = torch.arange(n) % 3
    x = torch.zeros(n, 6)
    group = (torch.arange(n) // 3) % 4
    x[torch.arange(n), group] = 100.0  # four kinds of rows in each class
    noisy, masks = noisy_rows(rows_of(x, y, 3), "instance", 0.5)
    chosen = {}
    for row in np.flatnonzero(masks["instance"]):
        chosen.setdefault((int(y[row]), int(group[row])), set()).add(int(noisy.y[row]))
    assert len(chosen) == 12
    assert all(len(classes) == 1 for classes in chosen.values())  # rows alike go the same way
    assert any(chosen[k, 0] != chosen[k, g] for k in range(3) for g in range(1, 4))  # and others another way


@pytest.mark.parametrize("width", [1, 200])
def test_boundary_noise_falls_where_classes_are_easily_confused(width):
    rng = np.random.default_rng(0)
    y = torch.arange(2000) % 3
    place = torch.from_numpy(rng.standard_normal(2000)).float() + torch.tensor([-3.0, 0.0, 3.0])[y]
    x = place[:, None].repeat(1, width)
    noisy, masks = noisy_rows(rows_of(x, y, 3), "boundary", 0.05)
    flipped = torch.from_numpy(masks["boundary"])
    distance = torch.minimum((place - 1.5).abs(), (place + 1.5).abs())
    assert distance[flipped].mean() < 0.6 * distance[~flipped].mean()
    nearest = torch.where(place[flipped] < 0, 0, 2)
    ends = y[flipped] == 1
    assert (noisy.y[flipped][ends] == nearest[ends]).double().mean() > 0.95
    assert (noisy.y[flipped][~ends] == 1).double().mean() > 0.95


@pytest.mark.parametrize("noise", ["symmetric", "boundary", f"confusion[matrix={MATRIX}]"])
def test_rows_without_a_known_true_label_are_left_to_human_noise(noise):
    clean = clean_rows(90)
    true_y = clean.true_y.clone()
    true_y[:10] = -1
    rows = rows_of(clean.x, true_y, 3)
    noisy, masks = noisy_rows(rows, f"worst+{noise}", 0.1, human={"worst": clean.y})
    assert masks["worst"][:10].all()
    assert [mask.sum() for mask in masks.values()] == [10, 9]
    assert torch.equal(noisy.y[:10], clean.y[:10])


@pytest.mark.parametrize(
    ("matrix", "rate", "message"),
    [
        ([[1.0, 0.0], [0.5, 0.6]], None, "sum 1 in each row"),
        ([[1.5, -0.5], [0.5, 0.5]], None, "at least 0"),
        ([[1.0, 0.0], [0.0, 1.0]], 0.1, "makes no label wrong: it cannot give rate=0.1"),
        ([[1.0, 0.0], [0.5, 0.5]], 0.6, "needs 90 rows of class 1, but only .* are clean"),
    ],
)
def test_a_confusion_matrix_that_cannot_be_is_one_clear_line(matrix, rate, message):
    with pytest.raises(ib.InputError, match=message):
        ib.load("blobs", noise=f"confusion[matrix={matrix}]", rate=rate)


def test_label_noise_that_does_not_fit_the_rows_is_one_clear_line():
    with pytest.raises(ib.InputError, match="instance noise needs at least 3 classes: with two classes"):
        ib.load("blobs", noise="instance", rate=0.1)
    y = torch.zeros(40, dtype=torch.long)
    for noise in ("symmetric", "pair", "boundary", "confusion[matrix=[[1]]]"):
        with pytest.raises(ib.InputError, match="at least 2 classes"):
            noisy_rows(rows_of(torch.zeros(40, 2), y, 1), noise, 0.1)
    for noise in ("instance", "boundary"):
        with pytest.raises(ib.InputError, match=f"{noise} noise needs features that are numbers"):
            noisy_rows(rows_of(torch.zeros(40, 2, dtype=torch.long), y, 3), noise, 0.1)
    with pytest.raises(ib.InputError, match="rows of at least two classes"):
        noisy_rows(rows_of(torch.zeros(40, 2), y, 3), "boundary", 0.1)
