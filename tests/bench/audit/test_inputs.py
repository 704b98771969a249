"""What a person brings becomes rows, each joined to its own label, or is refused in one line."""

import numpy as np
import pandas as pd
import pytest
import torch

import influence_bench as ib
from influence_bench.bench.audit.inputs import own_rows


def arrays(n=20):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 3)), np.array(["cat", "dog"], dtype=object)[np.arange(n) % 2].astype(str)


def test_a_frame_is_a_table_of_its_own_cells():
    x, y = arrays()
    frame = pd.DataFrame({"a": x[:, 0], "kind": y, "b": ["x", None] * 10})
    rows = own_rows(frame, "kind")
    assert rows.kind == "table"
    assert rows.names == ["cat", "dog"]
    assert list(rows.cells.columns) == ["a", "b"]
    assert rows.examples.x.isfinite().all()
    assert rows.y.tolist() == [0, 1] * 10


def test_arrays_in_a_file_are_features_or_images_by_their_shape(tmp_path):
    x, y = arrays()
    np.savez(tmp_path / "features.npz", x=x, y=y)
    np.savez(tmp_path / "images.npz", pixels=np.zeros((20, 8, 8), np.uint8), kinds=y)
    features, images = own_rows(tmp_path / "features.npz"), own_rows(tmp_path / "images.npz", label="kinds")
    assert (features.kind, images.kind) == ("arrays", "images")
    assert features.examples.x.shape == (20, 3)
    assert images.pixels.shape == (20, 3, 8, 8)


@pytest.mark.parametrize("dtype", [">f8", "uint16", "uint64", "bool", "float16"])
def test_arrays_of_any_real_type_are_rows(dtype):
    x = np.random.default_rng(0).integers(0, 2, (20, 4, 4)).astype(dtype)
    y = (np.arange(20) % 2).astype(">i4")
    images, features = own_rows((x, y)), own_rows((x[:, 0], y))
    assert images.y.tolist() == features.y.tolist() == [0, 1] * 10
    assert (images.pixels[:, 0].numpy() == 255 * x.astype(int)).all()
    assert (features.cells.to_numpy() == x[:, 0]).all()


def test_a_torch_dataset_a_pair_and_a_problem_are_rows_too():
    x, _ = arrays()
    y = torch.arange(20) % 2
    pairs = torch.utils.data.TensorDataset(torch.from_numpy(x), y)
    problem = ib.Problem(torch.nn.Linear(3, 2), train=(x, y))
    for data in (pairs, (x, y), problem):
        assert own_rows(data).examples.x.shape == (20, 3)
    assert own_rows(problem).problem is problem


def test_probabilities_are_matched_to_classes_by_name():
    x, y = arrays()
    p = pd.DataFrame({"dog": np.linspace(0, 1, 20), "cat": np.linspace(1, 0, 20)})
    rows = own_rows((x, y), probabilities=p)
    assert rows.kind == "probabilities"
    np.testing.assert_array_equal(rows.p, p[["cat", "dog"]])
    np.testing.assert_array_equal(own_rows((x, y), probabilities=p.rename(columns={"cat": " cat"})).p, rows.p)
    np.testing.assert_array_equal(own_rows((x, y), probabilities=p.to_numpy()).p, p)
    np.testing.assert_array_equal(own_rows((x, np.arange(20) % 2 + 1), probabilities=p.to_numpy()).p, p)


def archived(tmp_path, **content):
    np.savez(tmp_path / "file.npz", **content)
    return tmp_path / "file.npz"


X, LABELS = arrays()
MISTAKES = {
    "no labels": (lambda tmp: archived(tmp, x=X, z=LABELS), {}, "there is no array of labels"),
    "two inputs": (lambda tmp: archived(tmp, x=X, z=X, y=LABELS), {}, "x, z would do"),
    "pickled": (lambda tmp: archived(tmp, x=X, y=LABELS.astype(object)), {}, "without pickles"),
    "infinite": (
        lambda _: (np.where(np.arange(60).reshape(20, 3) == 8, np.inf, X), LABELS),
        {},
        "row 2 of x is not finite",
    ),
    "lengths": (lambda _: (X[:19], LABELS), {}, "x has 19 rows and y has 20"),
    "shape": (lambda _: (np.zeros((20, 2, 2, 2, 2)), LABELS), {}, "features (n, d) or images"),
    "few probabilities": (lambda _: (X, LABELS), {"probabilities": np.full((20, 3), 1 / 3)}, "20 rows and 2 classes"),
    "no probabilities": (lambda _: (X, LABELS), {"probabilities": np.full((20, 2), 0.4)}, "row 0 are not from 0 to 1"),
    "no column": (lambda _: pd.DataFrame({"a": range(20), "b": LABELS}), {"label": "c"}, "no label column"),
    "nothing": (lambda tmp: tmp / "none", {}, "there is no such file"),
    "words": (lambda tmp: archived(tmp, x=X.astype(str), y=LABELS), {}, "x holds words, such as "),
    "no label": (lambda _: pd.DataFrame({"a": range(20), "b": LABELS}), {}, "which column holds the labels"),
    "two labels": (
        lambda _: pd.DataFrame([["a", "b"]] * 20, columns=["b", "b"]),
        {"label": "b"},
        "has 2 columns named",
    ),
    "two levels": (
        lambda _: pd.DataFrame([["a", "b"]] * 20, columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])),
        {"label": "c"},
        "no label column",
    ),
    "complex": (lambda _: (X * 1j, LABELS), {}, "real numbers are needed"),
    "no features": (lambda _: (X[:, :0], LABELS), {}, "real numbers are needed"),
    "enormous": (lambda _: (np.where(X[7, 1] == X, 1e200, X), LABELS), {}, "row 7 of x holds a number of 1e+150"),
    "labels in columns": (lambda _: (X, X > 0), {}, "one value for each row, (n,), not (20, 3)"),
    "records as labels": (lambda _: (X, np.zeros(20, dtype="i4,i4")), {}, "one value for each row"),
    "probabilities in words": (
        lambda _: (X, LABELS),
        {"probabilities": pd.DataFrame({"cat": ["high"] * 20, "dog": ["low"] * 20})},
        "no table of numbers",
    ),
    "probabilities of others": (
        lambda _: (X, LABELS),
        {"probabilities": pd.DataFrame({"dogs": [0.5] * 20, "cat": [0.5] * 20})},
        "the label 'dogs' does not occur",
    ),
    "no type": (lambda _: 7, {}, "cannot be audited"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path, kind):
    make, options, message = MISTAKES[kind]
    with pytest.raises(ib.InputError) as error:
        own_rows(make(tmp_path), **options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
