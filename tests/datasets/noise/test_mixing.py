"""Noise by name: kinds combine with exact counts, human noise comes first, and clear refusals."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from noisy_rows import CORRUPTION, LABEL_NOISE, MATRIX, clean_rows, noisy_rows, rows_of

import influence_bench as ib

KINDS = st.lists(st.sampled_from([*LABEL_NOISE[:4], *CORRUPTION]), unique=True, min_size=1, max_size=4)


@given(KINDS, st.integers(20, 60), st.floats(0, 0.2), st.integers(0, 9))
@settings(deadline=None)
def test_kinds_combine_with_exact_counts_and_share_no_row(kinds, n, rate, seed):
    clean = clean_rows(n, seed=seed)
    noisy, masks = noisy_rows(clean, "+".join(kinds), rate, seed)
    assert list(masks) == kinds
    assert [mask.sum() for mask in masks.values()] == [round(rate * n)] * len(kinds)
    assert sum(masks.values()).max() <= 1
    np.testing.assert_array_equal(noisy.clean, sum(masks.values()) == 0)
    wrong = sum((mask for kind, mask in masks.items() if kind not in CORRUPTION), np.zeros(n))
    np.testing.assert_array_equal((noisy.y != noisy.true_y).numpy(), wrong)
    first_alone = noisy_rows(clean, kinds[0], rate, seed)[1]
    np.testing.assert_array_equal(masks[kinds[0]], first_alone[kinds[0]])


@pytest.mark.parametrize("noise", [*LABEL_NOISE, *CORRUPTION])
def test_noise_is_the_same_for_the_same_seed_only(noise):
    clean = clean_rows(60)
    first, again, other = (noisy_rows(clean, noise, 0.3, seed) for seed in (1, 1, 2))
    assert torch.equal(first[0].x, again[0].x)
    assert torch.equal(first[0].y, again[0].y)
    assert any((first[1][kind] != other[1][kind]).any() for kind in first[1])


def test_images_keep_their_shape():
    clean = clean_rows(60)
    images = rows_of(clean.x.reshape(60, 1, 5, 1).repeat(1, 2, 1, 3), clean.y, 3)
    for noise in ("instance", "boundary", *CORRUPTION):
        assert noisy_rows(images, noise, 0.2)[0].x.shape == (60, 2, 5, 3)


def test_human_noise_comes_first_and_the_rest_falls_on_clean_rows():
    clean = clean_rows(100)
    labels = clean.y.clone()
    labels[:20] = (labels[:20] + 1) % 3
    noisy, masks = noisy_rows(clean, "worst+duplicates[rate=0.1]", human={"worst": labels})
    assert np.flatnonzero(masks["worst"]).tolist() == list(range(20))
    assert masks["duplicates"].sum() == 10
    assert torch.equal(noisy.y[:20], labels[:20])


@pytest.mark.parametrize(
    ("noise", "rate", "message"),
    [
        ("symetric", 0.1, "no noise for digits 'symetric': did you mean symmetric"),
        ("", None, "no noise for digits ''"),
        ("symmetric", None, r"symmetric needs rate: write symmetric\[rate=...\]"),
        ("symmetric", 1.0, r"rate=1\.0 is out of range"),
        ("symmetric", float("nan"), "out of range"),
        ("symmetric[rate=-0.1]", None, "out of range"),
        ("symmetric[rate=0.2", None, "is not a kind of noise"),
        ("symmetric[scale=2]", 0.1, "no argument of symmetric 'scale'"),
        ("none", 0.1, "rate=0.1 is not used by noise='none'"),
        ("pair[rate=0.2]", 0.1, "not used"),
        ("symmetric+symmetric", 0.1, "has symmetric twice"),
        ("symmetric+duplicates", 0.6, r"have the sum 1\.2: lower them"),
        ("duplicates", 0.9999, "no clean row to copy as duplicates"),
        ("symmetric[rate=0.9]+duplicates[rate=0.1]", None, "no clean row to copy as duplicates"),
        ("gaussian[scale=0]", 0.1, "scale=0 is out of range"),
        ("confusion", 0.1, "confusion needs matrix"),
        (f"confusion[matrix={MATRIX}]", None, "must be 10 rows of 10 numbers"),
        ("confusion[matrix=[[1],[0,1]]]", None, "must be 10 rows of 10 numbers"),
        ("confusion[matrix=3]", None, "matrix=3 does not fit"),
    ],
)
def test_noise_that_cannot_be_is_one_clear_line(noise, rate, message):
    with pytest.raises(ib.InputError, match=message) as caught:
        ib.load("digits", noise=noise, rate=rate)
    assert "\n" not in str(caught.value)


def test_human_noise_that_comes_second_or_leaves_too_few_clean_rows_is_one_clear_line():
    rows = rows_of(torch.zeros(40, 2), torch.zeros(40, dtype=torch.long), 2)
    with pytest.raises(ib.InputError, match="human noise stands first"):
        noisy_rows(rows, "duplicates+worst", 0.1, human={"worst": rows.y})
    with pytest.raises(ib.InputError, match="only 0 are clean: lower the rates"):
        noisy_rows(rows, "worst+duplicates", 0.1, human={"worst": rows.y + 1})
