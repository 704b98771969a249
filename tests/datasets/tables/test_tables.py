"""Tables become features and class indices in one way, wherever they come from."""

import gzip
import json
import shutil
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError

import pandas as pd
import pytest
import sklearn.datasets
import torch

import influence_bench as ib
from influence_bench.datasets.dataset import DATASETS
from influence_bench.datasets.tables import adult, openml
from influence_bench.datasets.tables.own_table import features, words_of


def read(text):
    loader, arguments = DATASETS.DATASETS(text)
    return loader.read(0, **arguments)


def complaint(text):
    """The one line that reading a dataset fails with."""
    with pytest.raises(ib.InputError) as caught:
        read(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


TABLE = pd.DataFrame(
    {
        "size": [1.5, 2.0, 0.5, 4.0] * 5,
        "fresh": [True, False, True, False] * 5,
        "colour": ["red", None, "blue", "red"] * 5,
        "kind": ["pear", "apple", "pear", "apple"] * 5,
    }
)
FEATURES = [[1.5, 1, 0, 0, 1], [2.0, 0, 1, 0, 0], [0.5, 1, 0, 1, 0], [4.0, 0, 0, 0, 1]] * 5  # "", blue, red


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".parquet", ".txt"])
def test_own_file_is_read_by_its_suffix(tmp_path, suffix):
    file = tmp_path / f"fruit{suffix}"
    if suffix == ".parquet":
        TABLE.to_parquet(file)
    else:
        TABLE.to_csv(file, index=False, sep="\t" if suffix == ".tsv" else ",")
    own = read(f"csv[path={file},label=kind]")
    assert own.x.tolist() == FEATURES
    assert own.classes == ("apple", "pear")
    assert own.y.tolist() == [1, 0, 1, 0] * 5
    assert own.standardize


def test_own_file_loads_with_noise_and_names_its_arguments(tmp_path):
    TABLE.to_csv(tmp_path / "a, b.csv", index=False)
    data = ib.load(f'csv[label=kind,path="{tmp_path}/a, b.csv"]', noise="symmetric", rate=0.2)
    assert data.is_noisy.sum() == round(0.2 * len(data.train))
    assert (len(data.train), len(data.valid), len(data.test)) == (13, 2, 5)
    assert "a, b.csv" in data.card["dataset"]


def test_label_may_look_like_a_number(tmp_path):
    TABLE.rename(columns={"kind": "7"}).to_csv(tmp_path / "fruit.csv", index=False)
    assert read(f"csv[path={tmp_path}/fruit.csv,label=7]").classes == ("apple", "pear")


def test_words_of_the_training_rows_encode_other_rows():
    words = words_of(TABLE.drop(columns="kind"), "a.csv")
    other = pd.DataFrame({"size": [9], "fresh": [False], "colour": ["blue"]})
    assert features(other, words, "b.csv").tolist() == [[9, 0, 0, 1, 0]]
    with pytest.raises(ib.InputError, match=r"b.csv: column 'colour' holds 'green' in row 0, which is new"):
        features(other.assign(colour="green"), words, "b.csv")


WRONG = {
    "no such file": ("{tmp}/none.csv,label=kind", "there is no such file"),
    "no such column": ("{tmp}/good.csv,label=kin", "did you mean kind"),
    "words among numbers": ("{tmp}/words.csv,label=kind", "column 'size' holds 'big' in row 3, not a finite number"),
    "an empty number": ("{tmp}/holes.csv,label=kind", "column 'size' holds 'nan' in row 2, not a finite number"),
    "names": ("{tmp}/names.csv,label=kind", "column 'name' holds 20 different words in 20 rows; drop or encode it"),
    "an empty label": ("{tmp}/good.csv,label=colour", "'colour' is empty in row 1"),
    "one class": ("{tmp}/one.csv,label=kind", "one class only"),
    "a number as label": ("{tmp}/good.csv,label=size", "holds 1.5, a number and not a class"),
    "nothing to learn from": ("{tmp}/bare.csv,label=kind", "no column besides the label"),
    "few rows": ("{tmp}/few.csv,label=kind", "at least 10"),
    "no Parquet": ("{tmp}/page.parquet,label=kind", "cannot be read as Parquet"),
    "a folder": ("{tmp},label=kind", "cannot be read as CSV"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_own_file_that_is_wrong_is_one_line(tmp_path, kind):
    tables = {
        "good": TABLE,
        "words": TABLE.assign(size=[1, 2, 3, "big"] * 5),
        "holes": TABLE.assign(size=[1, 2, None, 4] * 5),
        "names": TABLE.assign(name=[f"name {row}" for row in range(20)]),
        "one": TABLE.assign(kind="pear"),
        "bare": TABLE[["kind"]],
        "few": TABLE.head(4),
    }
    for name, table in tables.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "page.parquet").write_text("<html>log in first</html>")
    arguments, said = WRONG[kind]
    line = complaint(f"csv[path={arguments.format(tmp=tmp_path)}]")
    assert said in line
    assert str(tmp_path) in line


def test_parquet_without_pyarrow_is_one_line(tmp_path, monkeypatch):
    TABLE.to_parquet(tmp_path / "fruit.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "fastparquet", None)
    assert "pip install 'influence-bench[parquet]'" in complaint(f"csv[path={tmp_path}/fruit.parquet,label=kind]")


def test_adult_has_the_published_rows(real_data):
    read = adult.adult()
    assert read.x.shape == (32_561, 108)
    assert read.test.x.shape == (16_281, 108)
    assert read.classes == ("<=50K", ">50K")
    assert read.y.bincount().tolist() == [24_720, 7_841]
    assert read.test.y.bincount().tolist() == [12_435, 3_846]
    assert read.x[:, 0].mean() == pytest.approx(38.58, abs=0.01)
    unknown = (read.x[:, 1:].sum(0) == 1836).nonzero()  # people without a known class of work, as the page counts them
    assert len(unknown) == 1


@pytest.mark.parametrize(("name", "shape", "classes"), [("mushroom", (8124, 22), 2), ("letter", (20_000, 16), 26)])
def test_pmlb_sets_are_read_by_name(real_data, name, shape, classes):
    own = read(f"pmlb[name={name}]")
    assert own.x.shape == shape
    assert len(own.classes) == classes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pmlb[name=titanc]", "no classification set of PMLB 'titanc': did you mean titanic"),
        ("pmlb[name=../adult/adult]", "no classification set of PMLB"),
        ("pmlb", r"pmlb needs name: write pmlb[name=...]"),
        ("openml", "openml needs either the number or the name"),
        ("openml[id=31,name=credit-g]", "openml needs either the number or the name"),
        ("openml[id=thirty]", "id='thirty' does not fit: it must be int"),
        ("csv[path=a.csv]", "csv needs path and label: write csv[path=...,label=...]"),
        ("iris[rows=3]", "iris takes no arguments"),
        ("iris[", "is not a dataset: write name or name[key=value,key=value]"),
    ],
)
def test_arguments_that_are_wrong_are_one_line(tmp_path, monkeypatch, text, said):
    monkeypatch.setenv("INFLUENCE_BENCH_DATA", str(tmp_path))
    assert said in complaint(text)


@pytest.fixture
def fetched(monkeypatch, tmp_path):
    """What the library was asked for; it gives a set of three columns, or what the test puts in its place."""
    monkeypatch.setenv("INFLUENCE_BENCH_DATA", str(tmp_path))
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
def test_openml_is_asked_by_number_or_name_and_its_tables_are_encoded(fetched, tmp_path, text, asked):
    own = read(text)
    assert fetched.asked == [asked | {"data_home": tmp_path, "DATASETSr": "pandas", "as_frame": True}]
    # age, job "", job 1, job 2, own no, own yes, age is lacking; the names are free text
    assert own.x[:4].tolist() == [
        [20, 0, 1, 0, 0, 1, 0], [40, 0, 0, 1, 1, 0, 1], [40, 1, 0, 0, 0, 1, 0], [60, 0, 1, 0, 1, 0, 0],
    ]  # fmt: skip
    assert own.classes == ("bad", "good")
    assert torch.equal(own.y, torch.tensor([1, 0] * 10))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            URLError("Name or service not known"),
            "Name or service not known>; see whether www.openml.org can be reached",
        ),
        (ValueError("Dataset credit not found."), "OpenML's set 31 cannot be had: Dataset credit not found."),
        (pd.Series(range(20), name="price"), "it is not a classification set"),
        (None, "it is not a classification set"),
    ],
    ids=["no network", "no such set", "regression", "no target"],
)
def test_what_openml_cannot_give_is_one_line(fetched, answer, said):
    fetched.target = answer
    assert said in complaint("openml[id=31]")


@pytest.fixture
def answered(monkeypatch, tmp_path):
    """Put OpenML's answers about a set, which scikit-learn has for its own tests, where the library keeps them."""
    monkeypatch.setenv("INFLUENCE_BENCH_DATA", str(tmp_path))
    answers = Path(sklearn.datasets.__file__).parent / "tests" / "data" / "openml"
    if not answers.is_dir():
        pytest.skip("scikit-learn is installed without its tests")

    def put(number):
        own = answers / f"id_{number}"
        description = json.loads(gzip.decompress((own / f"api-v1-jd-{number}.json.gz").read_bytes()))
        url, rows = description["data_set_description"]["url"], next(own.glob("data-v1-dl-*.arff.gz"))
        names = {
            f"api-v1-jd-{number}.json.gz": f"api/v1/json/data/{number}",
            f"api-v1-jdf-{number}.json.gz": f"api/v1/json/data/features/{number}",
            f"api-v1-jdq-{number}.json.gz": f"api/v1/json/data/qualities/{number}",
            rows.name: url.partition("openml.org/")[2],
        }
        for name, address in names.items():
            kept = tmp_path / "openml" / "openml.org" / f"{address}.gz"
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(own / name, kept)

    return put


def test_openmls_own_answers_are_read(answered):
    answered(61)
    own = read("openml[id=61]")
    assert own.x.shape == (150, 4)
    assert own.classes == ("Iris-setosa", "Iris-versicolor", "Iris-virginica")
    assert own.x[0].tolist() == pytest.approx([5.1, 3.5, 1.4, 0.2])


def test_openmls_regression_set_is_refused(answered):
    answered(561)
    assert "it is not a classification set" in complaint("openml[id=561]")
