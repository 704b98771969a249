"""Splits are exact and stratified, and scaling uses the training rows."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import influence_bench as ib
from influence_bench.datasets.splitting import scaled, split


@given(st.integers(0, 60), st.lists(st.integers(0, 3), min_size=60, max_size=90), st.integers(0, 5))
def test_splits_are_exact_disjoint_and_in_proportion(count, labels, seed):
    y = torch.tensor(labels)
    rest, drawn = split(np.arange(len(y)), y, count, np.random.default_rng(seed))
    assert len(drawn) == count
    assert sorted([*rest, *drawn]) == list(range(len(y)))
    for label in set(labels):
        assert abs(labels.count(label) * count / len(y) - sum(labels[row] == label for row in drawn)) <= 1


def test_standardising_uses_training_rows_and_bytes_become_shares():
    train, test = torch.tensor([[0.0, 5.0], [2.0, 5.0]]), torch.tensor([[4.0, 6.0]])
    y = torch.tensor([0, 1])
    scaled_train, scaled_test = scaled(ib.Examples(train, y), ib.Examples(test, y[:1]), standardize=True)
    assert scaled_train.x.mean(0).tolist() == [0, 0]
    assert scaled_test.x[0, 1] == 1  # a constant feature is shifted, not divided
    images = scaled(ib.Examples(torch.full((1, 1, 2, 2), 255, dtype=torch.uint8), y[:1]), standardize=False)[0]
    assert images.x.max() == 1


def test_standardising_keeps_small_differences_of_large_numbers():
    seconds = 1.7e9 + torch.arange(10, dtype=torch.float64)[:, None]
    constant = torch.full((10, 1), 14.62, dtype=torch.float64)
    rows = ib.Examples(torch.cat([seconds, constant], 1), torch.arange(10) % 2)
    (standardised,) = scaled(rows, standardize=True)
    assert standardised.x.dtype == torch.float32
    assert standardised.x[:, 0].diff().tolist() == pytest.approx([0.3303] * 9, abs=1e-4)
    assert standardised.x[:, 1].abs().max() < 1e-12
