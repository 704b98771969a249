"""OpenML's datasets are asked for by number or name, encoded, and refused in one line."""

import gzip
import json
import shutil
import warnings
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError

import pandas as pd
import pytest
import sklearn.datasets
import torch
from data_files import complaint, read

from influence_bench.datasets.tables import openml


@pytest.fixture
def fetched(monkeypatch, folder):
    """The answer of scikit-learn's download, with a list of the calls; a test may put another answer in its place."""
    data = pd.DataFrame(
        {
            "age": [20.0, None, 40.0, 60.0] * 5,
            "job": pd.Categorical(["1", "2", None, "1"] * 5),
            "own": pd.Categorical(["yes", "no"] * 10),
            "name": [f"name {row}" for row in range(20)],
        }
    )
    target = pd.Series(pd.Categorical(["good", "bad"] * 10), name="class")
    answer = SimpleNamespace(data=data, target=target, asked=[])

    def fetch_openml(**arguments):
        answer.asked.append(arguments)
        warnings.warn("A network error occurred while downloading. Retrying...", stacklevel=1)
        if isinstance(answer.target, Exception):
            raise answer.target
        return answer

    monkeypatch.setattr(openml, "fetch_openml", fetch_openml)
    return answer


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("openml[id=31]", {"data_id": 31, "name": None, "version": "active"}),
        ("openml[name=credit-g]", {"data_id": None, "name": "credit-g", "version": "active"}),
        ("openml[name=31,version=2]", {"data_id": None, "name": "31", "version": 2}),
    ],
)
def test_openml_is_asked_by_number_or_name_and_its_tables_are_encoded(fetched, folder, text, asked):
    source = read(text)
    assert fetched.asked == [asked | {"data_home": folder, "parser": "pandas", "as_frame": True}]
    # age, job "", job 1, job 2, own no, own yes, age is lacking; the names are free text
    assert source.x[:4].tolist() == [
        [20, 0, 1, 0, 0, 1, 0], [40, 0, 0, 1, 1, 0, 1], [40, 1, 0, 0, 0, 1, 0], [60, 0, 1, 0, 1, 0, 0],
    ]  # fmt: skip
    assert source.classes == ("bad", "good")
    assert torch.equal(source.y, torch.tensor([1, 0] * 10))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            URLError("Name or service not known"),
            "Name or service not known>; check that www.openml.org is up",
        ),
        (
            ValueError("Dataset credit not found."),
            "dataset 31 cannot be downloaded: Dataset credit not found.",
        ),
        (pd.Series(range(20), name="price"), "it is not a classification dataset"),
        (None, "it is not a classification dataset"),
    ],
    ids=["no network", "no such set", "regression", "no target"],
)
def test_a_dataset_that_openml_cannot_give_is_one_line(fetched, answer, said):
    fetched.target = answer
    assert said in complaint(read, "openml[id=31]")


@pytest.fixture
def answered(folder):
    """A function that puts OpenML's answers about a dataset, from scikit-learn's own tests, into its cache."""
    answers = Path(sklearn.datasets.__file__).parent / "tests" / "data" / "openml"
    if not answers.is_dir():
        pytest.skip("scikit-learn is installed without its tests")

    def put(number):
        stored = answers / f"id_{number}"
        description = json.loads(gzip.decompress((stored / f"api-v1-jd-{number}.json.gz").read_bytes()))
        url, rows = description["data_set_description"]["url"], next(stored.glob("data-v1-dl-*.arff.gz"))
        names = {
            f"api-v1-jd-{number}.json.gz": f"api/v1/json/data/{number}",
            f"api-v1-jdf-{number}.json.gz": f"api/v1/json/data/features/{number}",
            f"api-v1-jdq-{number}.json.gz": f"api/v1/json/data/qualities/{number}",
            rows.name: url.partition("openml.org/")[2],
        }
        for name, address in names.items():
            kept = folder / "openml" / "openml.org" / f"{address}.gz"
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(stored / name, kept)

    return put


def test_openmls_own_answers_are_read(answered):
    answered(61)
    source = read("openml[id=61]")
    assert source.x.shape == (150, 4)
    assert source.classes == ("Iris-setosa", "Iris-versicolor", "Iris-virginica")
    assert source.x[0].tolist() == pytest.approx([5.1, 3.5, 1.4, 0.2])


def test_openmls_regression_set_is_refused(answered):
    answered(561)
    assert "it is not a classification dataset" in complaint(read, "openml[id=561]")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("openml", "openml needs either a number or a name"),
        ("openml[id=31,name=credit-g]", "openml needs either a number or a name"),
        ("openml[id=thirty]", "id='thirty' does not fit: it must be int"),
    ],
)
def test_arguments_that_are_wrong_are_one_line(text, said):
    assert said in complaint(read, text)
