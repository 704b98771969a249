"""Corruption and duplicates: exact counts, right labels, and what each kind does to the inputs."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from noisy_rows import CORRUPTION, clean_rows, noisy_rows, rows_of

import influence_bench as ib


@given(st.sampled_from(CORRUPTION), st.integers(4, 80), st.floats(0, 0.9), st.integers(0, 9))
@settings(deadline=None)
def test_corruption_and_duplicates_change_exactly_the_asked_share_of_rows_and_keep_labels_right(noise, n, rate, seed):
    clean = clean_rows(n, seed=seed)
    assume(round(rate * n) < n)
    noisy, masks = noisy_rows(clean, noise, rate, seed)
    assert masks[noise].sum() == round(rate * n)
    np.testing.assert_array_equal(masks[noise], (noisy.x != clean.x).any(1).numpy())
    assert torch.equal(noisy.y, noisy.true_y)
    if noise != "duplicates":
        assert torch.equal(noisy.y, clean.y)


def test_gaussian_noise_is_as_wide_as_asked_in_units_of_each_feature():
    y = torch.arange(4000) % 2
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((4000, 2))).float() * torch.tensor([1.0, 50.0])
    noisy, masks = noisy_rows(rows_of(x, y, 2), "gaussian[scale=3]", 0.5)
    added = (noisy.x - x)[torch.from_numpy(masks["gaussian"])]
    assert added.mean(0).tolist() == pytest.approx([0, 0], abs=10)
    assert added.std(0).tolist() == pytest.approx([3, 150], rel=0.05)


def test_resampled_rows_take_each_feature_from_another_row_of_its_own():
    clean = clean_rows(200)
    noisy, masks = noisy_rows(clean, "resampled", 0.3)
    for row in np.flatnonzero(masks["resampled"]):
        donors = [int((clean.x[:, j] == noisy.x[row, j]).nonzero()[0]) for j in range(5)]
        assert row not in donors
        assert len(set(donors)) > 1


def test_duplicates_are_copies_of_clean_rows_with_their_labels():
    clean = clean_rows(100)
    noisy, masks = noisy_rows(clean, "symmetric+duplicates", 0.3)
    for row in np.flatnonzero(masks["duplicates"]):
        same = (clean.x == noisy.x[row]).all(1).nonzero()
        assert len(same) == 1
        assert noisy.clean[int(same)]
        assert noisy.y[row] == noisy.true_y[row] == clean.y[int(same)]


def test_corruption_of_token_ids_is_refused_in_one_clear_line_and_duplicates_of_them_are_copies():
    ids = rows_of(torch.zeros(40, 2, dtype=torch.long), torch.zeros(40, dtype=torch.long), 3)
    for noise in ("gaussian", "resampled"):
        with pytest.raises(ib.InputError, match=f"{noise} noise needs features that are numbers"):
            noisy_rows(ids, noise, 0.1)
    assert noisy_rows(ids, "duplicates", 0.1)[1]["duplicates"].sum() == 4
