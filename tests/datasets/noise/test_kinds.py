"""Noise: exact counts, the distribution that each kind promises, the truth about every row, and clear refusals."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import influence_bench as ib
from influence_bench.datasets.dataset import Source
from influence_bench.datasets.noise.kinds import NOISES
from influence_bench.datasets.noise.mixing import inject, parse_noise
from influence_bench.datasets.noise.rows import Rows

MATRIX = [[0.7, 0.3, 0.0], [0.0, 0.9, 0.1], [0.25, 0.25, 0.5]]
LABELS = ("symmetric", "pair", "instance", "boundary", f"confusion[matrix={MATRIX}]")
OTHERS = ("gaussian", "resampled", "duplicates")


def clean_rows(n, classes=3, seed=0):
    """Rows of 5 normal features with a class each; no two rows are the same."""
    rng = np.random.default_rng(seed)
    y = torch.from_numpy(rng.permutation(np.arange(n) % classes))
    x = torch.from_numpy(rng.standard_normal((n, 5), dtype=np.float32)) + 2 * torch.eye(5)[y]
    return Rows(x, y, y, classes, np.ones(n, dtype=bool))


def noisy_rows(rows, noise, rate=None, seed=0, human=None):
    human = human or {}
    return inject(parse_noise(noise, rate, human, "these"), rows, human, np.random.default_rng(seed))


def confused(rows):
    """How many rows of each true class (first) are given as each class (second)."""
    counts = np.zeros((rows.classes, rows.classes), dtype=int)
    np.add.at(counts, (rows.true_y.numpy(), rows.y.numpy()), 1)
    return counts


@given(st.sampled_from(LABELS), st.integers(12, 80), st.floats(0, 0.5), st.integers(0, 9))
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


@given(st.sampled_from(OTHERS), st.integers(4, 80), st.floats(0, 0.9), st.integers(0, 9))
@settings(deadline=None)
def test_corruption_and_duplicates_change_exactly_the_asked_share_of_rows_and_keep_labels_right(noise, n, rate, seed):
    clean = clean_rows(n, seed=seed)
    if round(rate * n) == n:
        return
    noisy, masks = noisy_rows(clean, noise, rate, seed)
    assert masks[noise].sum() == round(rate * n)
    np.testing.assert_array_equal(masks[noise], (noisy.x != clean.x).any(1).numpy())
    assert torch.equal(noisy.y, noisy.true_y)
    if noise != "duplicates":
        assert torch.equal(noisy.y, clean.y)


parts = st.lists(st.sampled_from([*LABELS[:4], *OTHERS]), unique=True, min_size=1, max_size=4)


@given(parts, st.integers(20, 60), st.floats(0, 0.2), st.integers(0, 9))
@settings(deadline=None)
def test_kinds_combine_with_exact_counts_and_share_no_row(kinds, n, rate, seed):
    clean = clean_rows(n, seed=seed)
    noisy, masks = noisy_rows(clean, "+".join(kinds), rate, seed)
    assert list(masks) == kinds
    assert [mask.sum() for mask in masks.values()] == [round(rate * n)] * len(kinds)
    assert sum(masks.values()).max() <= 1
    np.testing.assert_array_equal(noisy.clean, sum(masks.values()) == 0)
    wrong = sum((mask for kind, mask in masks.items() if kind not in OTHERS), np.zeros(n))
    np.testing.assert_array_equal((noisy.y != noisy.true_y).numpy(), wrong)
    first_alone = noisy_rows(clean, kinds[0], rate, seed)[1]
    np.testing.assert_array_equal(masks[kinds[0]], first_alone[kinds[0]])


@pytest.mark.parametrize("noise", [*LABELS, *OTHERS])
def test_noise_is_the_same_for_the_same_seed_only(noise):
    clean = clean_rows(60)
    first, again, other = (noisy_rows(clean, noise, 0.3, seed) for seed in (1, 1, 2))
    assert torch.equal(first[0].x, again[0].x)
    assert torch.equal(first[0].y, again[0].y)
    assert any((first[1][kind] != other[1][kind]).any() for kind in first[1])


def test_symmetric_noise_spreads_evenly_over_the_other_classes():
    y = torch.zeros(9000, dtype=torch.long)
    rows = Rows(y[:, None].float(), y, y, 4, np.ones(9000, dtype=bool))
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
    noisy, masks = noisy_rows(
        Rows(torch.zeros(n, 1), y, y, 4, np.ones(n, dtype=bool)), f"confusion[matrix={matrix.tolist()}]", seed=seed
    )
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
    noisy, masks = noisy_rows(Rows(x, y, y, 3, np.ones(n, dtype=bool)), "instance", 0.5)
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
    noisy, masks = noisy_rows(Rows(x, y, y, 3, np.ones(2000, dtype=bool)), "boundary", 0.05)
    flipped = torch.from_numpy(masks["boundary"])
    distance = torch.minimum((place - 1.5).abs(), (place + 1.5).abs())
    assert distance[flipped].mean() < 0.6 * distance[~flipped].mean()
    nearest = torch.where(place[flipped] < 0, 0, 2)
    ends = y[flipped] == 1
    assert (noisy.y[flipped][ends] == nearest[ends]).double().mean() > 0.95
    assert (noisy.y[flipped][~ends] == 1).double().mean() > 0.95


def test_gaussian_noise_is_as_wide_as_asked_in_units_of_each_feature():
    y = torch.arange(4000) % 2
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((4000, 2))).float() * torch.tensor([1.0, 50.0])
    noisy, masks = noisy_rows(Rows(x, y, y, 2, np.ones(4000, dtype=bool)), "gaussian[scale=3]", 0.5)
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


def test_images_keep_their_shape():
    clean = clean_rows(60)
    images = Rows(clean.x.reshape(60, 1, 5, 1).repeat(1, 2, 1, 3), clean.y, clean.y, 3, clean.clean)
    for noise in ("instance", "boundary", *OTHERS):
        assert noisy_rows(images, noise, 0.2)[0].x.shape == (60, 2, 5, 3)


def test_human_noise_comes_first_and_the_rest_falls_on_clean_rows():
    clean = clean_rows(100)
    labels = clean.y.clone()
    labels[:20] = (labels[:20] + 1) % 3
    noisy, masks = noisy_rows(clean, "worst+duplicates[rate=0.1]", human={"worst": labels})
    assert np.flatnonzero(masks["worst"]).tolist() == list(range(20))
    assert masks["duplicates"].sum() == 10
    assert torch.equal(noisy.y[:20], labels[:20])


@pytest.mark.parametrize("noise", ["symmetric", "boundary", f"confusion[matrix={MATRIX}]"])
def test_rows_without_a_known_true_label_are_left_to_human_noise(noise):
    clean = clean_rows(90)
    true_y = clean.true_y.clone()
    true_y[:10] = -1
    rows = Rows(clean.x, true_y, true_y, 3, clean.clean)
    noisy, masks = noisy_rows(rows, f"worst+{noise}", 0.1, human={"worst": clean.y})
    assert masks["worst"][:10].all()
    assert [mask.sum() for mask in masks.values()] == [10, 9]
    assert torch.equal(noisy.y[:10], clean.y[:10])


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
        ("symmetric+duplicates", 0.6, r"have the sum 1\.2: at most 1"),
        ("duplicates", 0.9999, "no clean row to make duplicates of"),
        ("symmetric[rate=0.9]+duplicates[rate=0.1]", None, "no clean row to make duplicates of"),
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


@pytest.mark.parametrize(
    ("matrix", "rate", "message"),
    [
        ([[1.0, 0.0], [0.5, 0.6]], None, "sum 1 in each row"),
        ([[1.5, -0.5], [0.5, 0.5]], None, "at least 0"),
        ([[1.0, 0.0], [0.0, 1.0]], 0.1, "makes no label wrong: it cannot give rate=0.1"),
        ([[1.0, 0.0], [0.5, 0.5]], 0.6, "needs 90 rows of class 1, and .* are clean"),
    ],
)
def test_a_confusion_matrix_that_cannot_be_is_one_clear_line(matrix, rate, message):
    with pytest.raises(ib.InputError, match=message):
        ib.load("blobs", noise=f"confusion[matrix={matrix}]", rate=rate)


def test_noise_that_does_not_fit_the_data_is_one_clear_line(monkeypatch, own_datasets):
    with pytest.raises(ib.InputError, match="instance noise needs at least 3 classes: with two classes"):
        ib.load("blobs", noise="instance", rate=0.1)
    y = torch.zeros(40, dtype=torch.long)
    one = Rows(torch.zeros(40, 2), y, y, 1, np.ones(40, dtype=bool))
    ids = Rows(torch.zeros(40, 2, dtype=torch.long), y, y, 3, np.ones(40, dtype=bool))
    for noise in ("symmetric", "pair", "boundary", "confusion[matrix=[[1]]]"):
        with pytest.raises(ib.InputError, match="at least 2 classes"):
            noisy_rows(one, noise, 0.1)
    for noise in ("gaussian", "resampled", "instance", "boundary"):
        with pytest.raises(ib.InputError, match=f"{noise} noise needs features that are numbers"):
            noisy_rows(ids, noise, 0.1)
    with pytest.raises(ib.InputError, match="rows of at least two classes"):
        noisy_rows(Rows(torch.zeros(40, 2), y, y, 3, np.ones(40, dtype=bool)), "boundary", 0.1)
    with pytest.raises(ib.InputError, match="human noise stands first"):
        noisy_rows(one, "duplicates+worst", 0.1, human={"worst": y})
    labels = torch.ones(40, dtype=torch.long)
    with pytest.raises(ib.InputError, match="only 0 are clean: lower the rates"):
        noisy_rows(Rows(torch.zeros(40, 2), y, y, 2, one.clean), "worst+duplicates", 0.1, human={"worst": labels})
    assert noisy_rows(ids, "duplicates", 0.1)[1]["duplicates"].sum() == 4  # of texts there can be copies


def test_every_kind_of_noise_says_what_it_does():
    listed = ib.noises().set_index("noise")
    assert set(listed.index) == set(NOISES.all())
    assert listed["idea"].str.endswith(".").all()
    assert listed.loc["gaussian", "arguments"] == "rate: float, scale: float = 2.0"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("name", "rate", "n", "flipped"), [("blobs", 0.067, 150, 10), ("half-moons", 0.08, 250, 20)])
def test_the_synthetic_sets_have_the_numbers_of_the_paper(name, rate, n, flipped, seed):
    data = ib.load(name, noise="symmetric", rate=rate, seed=seed)
    assert (len(data.train), len(data.test), data.is_noisy.sum()) == (n, 100, flipped)
    per_class = ib.load(name, noise=f"confusion[matrix={[[1 - rate, rate], [rate, 1 - rate]]}]", seed=seed)
    assert np.bincount(per_class.true_y[per_class.is_noisy]).tolist() == pytest.approx([flipped / 2] * 2, abs=1)


def test_gaussians_have_the_asked_size_and_separation():
    from influence_bench.datasets.tables.synthetic import gaussians

    source = gaussians(0, rows=5000, features=50, classes=5, separation=6.0)
    assert isinstance(source, Source)
    assert source.x.shape == (5000, 50)
    assert source.x.dtype == torch.float32
    assert torch.bincount(source.y).tolist() == [1000] * 5
    centres = torch.stack([source.x[source.y == k].mean(0) for k in range(5)])
    assert torch.pdist(centres).square().mean().sqrt() == pytest.approx(6, rel=0.2)
    assert (source.x - centres[source.y]).std() == pytest.approx(1, abs=0.01)
    assert torch.equal(gaussians(0, rows=5000, features=50, classes=5, separation=6.0).x, source.x)
    with pytest.raises(ib.InputError, match="10 rows for each class"):
        gaussians(0, rows=50, classes=10)
    data = ib.load("gaussians[rows=400,features=8,classes=4]", noise="instance", rate=0.1)
    assert (data.train.x.shape, data.is_noisy.sum()) == ((270, 8), 27)
