"""Text datasets are read from their official files as published, and a damaged file is one clear line."""

import csv
import hashlib
import shutil
import zipfile

import numpy as np
import pooch
import pytest
import torch

import influence_bench as ib
from influence_bench.bench.problem.texts import Texts
from influence_bench.datasets.files.delimited import read_columns
from influence_bench.datasets.texts import ag_news, generation, glue, hausa_news, trec

HTML = b"<html>\n<body>log in first</body>\n</html>\n"


@pytest.fixture(autouse=True)
def no_download(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a test tried to download")

    monkeypatch.setattr(pooch, "retrieve", refuse)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder."""
    monkeypatch.setenv("INFLUENCE_BENCH_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def official(real_data, folder):
    """A data folder with the official files of TREC and of the Hausa news, made of the tables in the real one."""

    def table(path):
        lines = path.read_text(encoding="utf-8").splitlines()
        return [line.split("\t") for line in lines[1:]]

    (folder / "trec").mkdir()
    for part, (name, *_) in trec.FILES.items():
        rows = table(real_data / f"trec/trec_{part}.tsv")
        (folder / "trec" / name).write_bytes("".join(f"{fine} {text}\n" for _, fine, text in rows).encode("latin-1"))

    (folder / "hausa_newsclass").mkdir()
    train, test = (table(real_data / f"newsclass/hausa_newsclass_{part}.tsv") for part in ("train", "test"))
    noisy = [f"{row}\t{title}\t{given.title()}" for row, (title, _, given) in enumerate(train)]
    for name, lines in {
        "train_clean.tsv": ["news_title\tlabel", *(f"{title}\t{label.title()}" for title, label, _ in train)],
        "train_clean_noisy_labels.tsv": ["\tnews_title\tlabel", *noisy],
        "test.tsv": ["news_title\tlabel", *(f"{title}\t{label.title()}" for title, label in test)],
    }.items():
        (folder / "hausa_newsclass" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def complaint(call, *arguments):
    """The one line that a call fails with."""
    with pytest.raises(ib.InputError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_sst_2_has_the_published_rows(real_data):
    source = glue.sst_2()
    assert (len(source.x), len(source.test)) == (67_349, 872)
    assert source.y.bincount().tolist() == [29_780, 37_569]
    assert source.test.y.bincount().tolist() == [428, 444]
    assert source.x.rows[0] == ("hide new secretions from the parental units ",)
    assert source.classes[int(source.y[0])] == "negative"


def test_mrpc_is_split_as_glue_splits_it(real_data):
    source = glue.mrpc()
    for part, name in ((source, "train"), (source.test, "dev")):
        rows = read_columns(real_data / f"glue/MRPC/{name}.tsv", ("Quality", "#1 String", "#2 String"))
        assert sorted(zip(part.y.tolist(), part.x, strict=True)) == sorted((int(y), tuple(text)) for y, *text in rows)
    assert source.y.bincount().tolist() == [1194, 2474]


def test_trec_has_the_published_files_and_rows(official):
    for name, checksum, _ in trec.FILES.values():
        assert "sha256:" + hashlib.sha256((official / "trec" / name).read_bytes()).hexdigest() == checksum
    source = trec.trec()
    assert source.y.bincount().tolist() == [86, 1162, 1250, 1223, 835, 896]
    assert source.test.y.bincount().tolist() == [9, 138, 94, 65, 81, 113]
    assert source.test.x.rows[0] == ("How far is it from Denver to Aspen ?",)
    assert source.classes[int(source.test.y[0])] == "number"


def test_hausa_news_has_the_published_files_and_noise(official):
    for name, (checksum, _) in hausa_news.FILES.items():
        path = official / "hausa_newsclass" / name
        assert "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest() == checksum
    data = ib.load("hausa-news", noise="distant")
    assert (len(data.train) + len(data.valid), len(data.test)) == (2045, 582)
    source = hausa_news.hausa_news()
    assert int((source.human["distant"] != source.y).sum()) == 1030


@pytest.mark.parametrize("name", ["trec", "hausa-news"])
def test_tables_give_what_the_official_files_give(official, real_data, monkeypatch, name):
    loader = {"trec": trec.trec, "hausa-news": hausa_news.hausa_news}[name]
    first = loader()
    monkeypatch.setenv("INFLUENCE_BENCH_DATA", str(real_data))
    second = loader()
    assert (first.x, first.test.x) == (second.x, second.test.x)
    assert torch.equal(first.y, second.y)
    assert torch.equal(first.test.y, second.test.y)


QNLI = "index\tquestion\tsentence\tlabel\n" + "".join(
    f'{row}\tWhat is "{row}?\tIt is {row}.\t{"not_" * (row % 2)}entailment\n' for row in range(40)
)
QQP = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n" + "".join(
    f"{row}\t{row}\t{row}\tWho am I {row}?\tWho is it {row}?\t{row % 2}\n" for row in range(40)
)


@pytest.mark.parametrize(
    ("task", "content", "name", "classes"),
    [
        ("QNLI", QNLI, "qnli", ("entailment", "not entailment")),
        ("QQP", QQP + "41\t41\t41\tcut off in the official file\n", "qqp", ("different", "duplicate")),
    ],
)
def test_glue_task_comes_out_of_its_archive(folder, monkeypatch, task, content, name, classes):
    monkeypatch.setitem(glue.ROWS, task, (40, 40))
    (folder / "glue").mkdir()
    with zipfile.ZipFile(folder / "glue" / glue.ARCHIVES[task][0], "w") as archive:
        for part in ("train", "dev", "test"):
            archive.writestr(f"{task}/{part}.tsv", content)
    data = ib.load(name, noise="symmetric", rate=0.25, size=20)
    assert data.classes == classes
    assert isinstance(data.train.x, Texts)
    assert (len(data.train), len(data.valid), len(data.test), data.is_noisy.sum()) == (20, 4, 40, 5)
    assert sorted(path.name for path in (folder / "glue" / task).iterdir()) == ["dev.tsv", "train.tsv"]
    assert data.test.x.rows[1] == (('What is "1?', "It is 1.") if task == "QNLI" else ("Who am I 1?", "Who is it 1?"))
    assert data.test.y[:2].tolist() == [0, 1]


def test_ag_news_is_read_from_its_csv_files(folder, monkeypatch):
    (folder / "ag_news_csv").mkdir()
    for name, (checksum, _) in ag_news.FILES.items():
        monkeypatch.setitem(ag_news.FILES, name, (checksum, 40))
        with (folder / "ag_news_csv" / name).open("w", newline="") as file:
            rows = [(1 + row % 4, f"Title {row}", f'It said "{row}",\\and more') for row in range(40)]
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    source = ag_news.ag_news()
    assert source.x.rows[1] == ('Title 1. It said "1", and more',)
    assert source.y[:5].tolist() == [0, 1, 2, 3, 0]
    assert source.classes[1] == "sports"


def rewritten(path, change):
    path.write_bytes(change(path.read_bytes()))
    return path.name


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda content: content[: len(content) // 2], "columns, not 2|rows, not 872"),
        (lambda _: HTML, "its first line does not name the column 'sentence'"),
        (lambda _: b"", "its first line does not name the column 'sentence'"),
        (lambda content: content.replace(b"\tlabel", b"\tmark", 1), "does not name the column 'label'"),
        (lambda content: content.replace(b"\t1\n", b"\t2\n", 1), "the label of row 0 is '2', none of 0, 1"),
        (lambda content: content.replace(b"charming", b"\xff\xfe", 1), "not text in UTF-8"),
        (lambda content: content + b"one more \t1\n", "it has 873 rows, not 872"),
    ],
)
def test_damaged_glue_file_is_one_line(real_data, folder, damage, said):
    shutil.copytree(real_data / "glue/SST-2", folder / "glue/SST-2")
    name = rewritten(folder / "glue/SST-2/dev.tsv", damage)
    line = complaint(glue.sst_2)
    assert f"{name} is damaged" in line
    assert any(part in line for part in said.split("|"))


@pytest.mark.parametrize(
    ("content", "said"),
    [(HTML, "File is not a zip file"), (None, "it holds no file SST-2/train.tsv")],
)
def test_damaged_archive_is_one_line_and_leaves_nothing(folder, content, said):
    (folder / "glue").mkdir()
    archive = folder / "glue/SST-2.zip"
    if content is None:
        with zipfile.ZipFile(archive, "w") as empty:
            empty.writestr("../outside.tsv", "")
    else:
        archive.write_bytes(content)
    assert f"SST-2.zip is damaged: {said}" in complaint(glue.sst_2)
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["SST-2.zip"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda content: content[: len(content) // 2], "rows, not 5452"),
        (lambda _: HTML, "it has 3 rows, not 5452"),
        (lambda content: content.replace(b"DESC:manner", b"WHAT:manner", 1), "the label of row 0 is 'WHAT'"),
    ],
)
def test_damaged_trec_file_is_one_line(official, damage, said):
    rewritten(official / "trec/train_5500.label", damage)
    assert said in complaint(trec.trec)


def test_noisy_labels_of_other_headlines_are_refused(official):
    rewritten(official / "hausa_newsclass/train_clean_noisy_labels.tsv", lambda content: content.replace(b"A", b"B", 1))
    assert "its headlines are not those of train_clean.tsv" in complaint(hausa_news.hausa_news)


@pytest.mark.parametrize("name", ["sentence-transformations", "math-without-reasoning", "math-with-reasoning"])
def test_generated_tasks_have_distinct_rows_of_ten_classes(name):
    data, again, other = ib.load(name), ib.load(name), ib.load(name, seed=1)
    assert data.train.x == again.train.x != other.train.x
    assert data.true_y.bincount().tolist() == [90] * 10
    assert data.test.y.bincount().tolist() == [10] * 10
    assert data.valid.x == data.test.x
    assert len({*data.train.x, *data.test.x}) == 1000
    assert data.is_influential.shape == (900, 100)
    np.testing.assert_array_equal(data.is_influential.sum(0), 90)


def test_generated_answers_are_right():
    answers = [function("the calm pilot") for function in generation.TRANSFORMATIONS.values()]
    assert answers == [
        "pilot calm the",
        "tHe cAlM PiLoT",
        "the 1 calm 1 pilot",
        "th* c*lm p*l*t",
        "tthhe ccallmm ppillott",
        "The Calm Pilot",
        "th clm plt",
        "thely calmly pilotly",
        "e a io",
        "the the calm calm pilot pilot",
    ]
    with_reasons, without = ib.load("math-with-reasoning"), ib.load("math-without-reasoning")
    results = dict(without.train.x)
    assert len(results) == 900
    assert all(answer.endswith(f": {results[prompt]}") for prompt, answer in with_reasons.train.x)


def test_generation_has_no_class_labels_to_flip():
    assert "math-with-reasoning has no class labels for noise='symmetric'" in complaint(
        lambda: ib.load("math-with-reasoning", noise="symmetric", rate=0.2)
    )
