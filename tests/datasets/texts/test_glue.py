"""GLUE's tasks are read as published, and a damaged file is one clear line."""

import shutil
import zipfile

import pytest
from data_files import PAGE, complaint, files

import influence_bench as ib
from influence_bench.bench.problem.texts import Texts
from influence_bench.datasets.files.delimited import read_columns
from influence_bench.datasets.texts import glue

pytestmark = pytest.mark.usefixtures("no_download")


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


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda content: content[: len(content) // 2], "columns, not 2|rows, not 872"),
        (lambda _: PAGE, "its first line does not name the column 'sentence'"),
        (lambda _: b"", "its first line does not name the column 'sentence'"),
        (lambda content: content.replace(b"\tlabel", b"\tmark", 1), "does not name the column 'label'"),
        (lambda content: content.replace(b"\t1\n", b"\t2\n", 1), "the label of row 0 is '2', none of 0, 1"),
        (lambda content: content.replace(b"charming", b"\xff\xfe", 1), "not delimited text in UTF-8"),
        (lambda content: content + b"one more \t1\n", "it has 873 rows, not 872"),
    ],
)
def test_damaged_glue_file_is_one_line(real_data, folder, damage, said):
    shutil.copytree(real_data / "glue/SST-2", folder / "glue/SST-2")
    path = folder / "glue/SST-2/dev.tsv"
    path.write_bytes(damage(path.read_bytes()))
    line = complaint(glue.sst_2)
    assert line.startswith(f"{path} is damaged")
    assert any(part in line for part in said.split("|"))


@pytest.mark.parametrize(
    ("content", "said"),
    [(PAGE, "File is not a zip file"), (None, "it holds no file SST-2/train.tsv")],
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
    assert files(folder) == ["glue/SST-2.zip"]
