"""Verified label errors of test sets: the published numbers of them, and what is known of the right labels."""

import json

import numpy as np
import pytest
import torch

import influence_bench as ib
from influence_bench.datasets.images.label_errors import corrected

PUBLISHED = torch.arange(40) % 4


def verdict(row=7, **votes):
    """A record of the official form."""
    return {
        "id": row,
        "url": "",
        "given_original_label": row % 4,
        "our_guessed_label": (row + 1) % 4,
        "mturk": {"given": 0, "guessed": 0, "neither": 0, "both": 0} | votes,
    }


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ({"given": 3, "guessed": 2}, 3),
        ({"given": 2, "guessed": 3}, 0),
        ({"given": 2, "guessed": 2, "neither": 1}, -1),
        ({"neither": 5}, -1),
        ({"guessed": 5}, 0),
    ],
)
def test_label_that_most_workers_did_not_keep_is_wrong_and_theirs_is_right_if_most_agree(tmp_path, votes, expected):
    (tmp_path / "errors.json").write_text(json.dumps([verdict(**votes)]))
    right = PUBLISHED.clone()
    right[7] = expected
    assert torch.equal(corrected(tmp_path / "errors.json", PUBLISHED, 4), right)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<html>log in first</html>", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        (json.dumps([verdict()])[:-10], "it is not JSON"),
        (json.dumps({"message": "Not Found"}), "its record 0 is not the workers' verdict"),
        (json.dumps([verdict(), verdict() | {"given_original_label": 1}]), "its record 1 is not"),
        (json.dumps([verdict(row=40)]), "its record 0 is not"),
        (json.dumps([verdict() | {"our_guessed_label": 4}]), "its record 0 is not"),
        (json.dumps([verdict() | {"mturk": {}}]), "its record 0 is not"),
    ],
    ids=["html", "deep", "truncated", "no list", "other label", "row", "class", "votes"],
)
def test_damaged_verdicts_are_one_line(tmp_path, content, said):
    path = tmp_path / "errors.json"
    path.write_text(content)
    with pytest.raises(ib.InputError) as caught:
        corrected(path, PUBLISHED, 4)
    assert str(caught.value).startswith(f"{path} is damaged: {said}")
    assert str(caught.value).endswith("; delete it to download it anew")


@pytest.mark.parametrize(("name", "wrong", "unknown"), [("mnist", 15, 5), ("cifar10", 54, 36)])
def test_test_sets_have_the_published_number_of_errors(real_data, name, wrong, unknown):
    data = ib.load(f"{name}-test-errors", noise="published")
    assert len(data.train) == 10_000
    assert data.is_noisy.sum() == wrong
    assert (data.true_y == -1).sum() == unknown
    assert (len(data.valid), len(data.test)) == (1000, 10_000)
    corrected = ib.load(f"{name}-test-errors")
    assert len(corrected.train) == 10_000 - unknown  # the others have no right label to be given
    assert not corrected.is_noisy.any()
    assert corrected.train.y.min() == 0


def test_cifar100_has_the_published_number_of_errors(real_data):
    folder = real_data / "label-errors"
    published = torch.from_numpy(np.load(folder / "cifar100_test_set_original_labels.npy", allow_pickle=False)).long()
    y = corrected(folder / "cifar100_mturk.json", published, 100)
    assert (y != published).sum() == 585
    assert (y == -1).sum() == 585 - 318
