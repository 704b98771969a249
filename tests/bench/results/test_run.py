"""A run on disk: typed records, and files that are damaged or lost."""

from dataclasses import replace

import numpy as np
import pytest

import influence_bench as ib
from influence_bench.bench.results.records import CellRecord, Cost, ProblemRecord, Provenance, RunInfo, SuiteRecord
from influence_bench.bench.results.run import Run
from influence_bench.bench.results.specs import Cell, ProblemSpec, file_name, percentage

SPEC = ProblemSpec("blobs", "mlp", "symmetric", 0.2)
TRUTH = np.arange(10) < 2
SCORES = 10.0 - np.arange(10)
COST = Cost(1.0, 0.9, 0.4, 0.6, 0.0, 0.1, 2.0, 0.5, 1000, 0, {"score": 1000})
RECORD = CellRecord(
    method="loss",
    name="loss",
    family="label quality",
    uses=["checkpoints", "validation"],
    pairwise=False,
    hyperparameters={},
    problem=SPEC.slug,
    depends_on={"code of a": "1"},
    status="ok",
    cost=COST,
)


@pytest.fixture
def run(tmp_path):
    """A run of one cell."""
    run = Run(tmp_path)
    suite = SuiteRecord("small", "A small suite", (SPEC,))
    run.write_info(RunInfo(suite, Provenance("command", "today", {"cores": 2}, "cpu", 1, 1, {"torch": "2"}, "abc")))
    run.write_problem(ProblemRecord(SPEC, 0.2, 10, 100, 0.9, "/somewhere", {"kind": "table"}), {"truth": TRUTH})
    run.write_cell(RECORD, SCORES)
    return run


def test_a_run_reads_what_it_wrote(run):
    (record,) = ib.open_run(run.folder).cells()
    assert replace(record, scores=None) == RECORD
    assert np.array_equal(run.scores(record), SCORES)
    assert run.info.suite.problems == (SPEC,)
    assert run.problem(SPEC.slug).spec == SPEC
    assert run.cell(Cell(SPEC, "loss", {}, "loss")) == record
    assert run.cell(Cell(SPEC, "el2n", {}, "el2n")) is None


def test_a_frame_has_the_problem_the_metrics_and_the_cost_of_each_cell(run):
    (row,) = run.frame().to_dict("records")
    assert (row["roc_auc"], row["seconds"], row["uses"]) == (1.0, 1.0, "checkpoints,validation")
    assert (row["problem"], row["rate"], row["n_train"], row["status"]) == (SPEC.label, 0.2, 10, "ok")
    assert (row["limit_seconds"], row["limit_bytes"]) == (600, 8 * 2**30)


def test_new_scores_take_the_place_of_the_old(run):
    run.write_cell(RECORD, SCORES + 1)
    assert len(list(run.folder.glob("cells/*/*.npy"))) == 1
    run.write_cell(replace(RECORD, status="error", error="no", cost=None), None)
    assert not list(run.folder.glob("cells/*/*.npy"))


@pytest.mark.parametrize(
    ("pattern", "old", "new", "said"),
    [
        ("run.json", '"seeds": 3', '"seeds": "3"', r"run\.json has a wrong field suite\.seeds"),
        ("run.json", '"command"', '"commando"', r"run\.json .*commando|lacks the field provenance\.command"),
        (
            "cells/*/loss.json",
            '"family"',
            '"familie"',
            r"loss\.json .*field famil",
        ),
        ("cells/*/loss.json", '"ok"', '"fine"', r"loss\.json has a wrong field status, 'fine'"),
        ("problems/*.json", '"n_train": 10', '"n_train": null', r"has a wrong field n_train"),
    ],
)
def test_a_record_of_another_version_says_which_field_and_what_to_do(run, pattern, old, new, said):
    (file,) = run.folder.glob(pattern)
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(ib.InputError, match=rf"{said}.*run the suite again, which mends it") as error:
        ib.open_run(run.folder).frame()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", ["empty", "short", "gone", "altered"])
def test_scores_that_are_not_those_that_were_written_are_refused(run, damage):
    (file,) = run.folder.glob("cells/*/*.npy")
    whole = file.read_bytes()
    match damage:
        case "empty":
            file.write_bytes(b"")
        case "short":
            file.write_bytes(whole[:100])
        case "gone":
            file.unlink()
        case "altered":
            file.write_bytes(whole[:-2] + bytes([whole[-2] ^ 0x55]) + whole[-1:])
    with pytest.raises(ib.InputError, match=r"the scores .*run the suite again, which mends it"):
        run.scores(run.cells()[0])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f'"scores": "{SPEC.slug}/loss.', f'"scores": "{SPEC.slug}/el2n.'),
        ('"epochs": 0.5', '"epochs": NaN'),
        ('"seconds": 1.0', '"seconds": 1e999'),
    ],
    ids=["the scores of another cell", "not a number", "infinite"],
)
def test_a_record_without_scores_of_its_own_or_finite_figures_is_damaged(run, old, new):
    (file,) = run.folder.glob("cells/*/*.json")
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(ib.InputError, match=r"lacks its scores or its cost, or a figure is not finite"):
        run.frame()


def test_a_damaged_list_of_trims_loses_no_training(run):
    file = run.folder / "trimmed" / "trims.json"
    file.parent.mkdir()
    file.write_text("{")
    with pytest.raises(ib.InputError, match=r"trims\.json is not valid JSON: remove it"):
        _ = run.trims
    run.write_trim(run.info.provenance)
    assert list(run.trims) == ["command"]


def test_a_folder_without_a_run_says_how_to_make_one(tmp_path):
    with pytest.raises(ib.InputError, match=r"is not a run: it has no run\.json; make one with influence-bench run"):
        ib.open_run(tmp_path)


def test_a_view_that_was_not_asked_for_is_an_error(run):
    with pytest.raises(ib.InputError, match="holds no view"):
        run.view(SPEC.slug)


def test_no_two_texts_share_a_file_name():
    texts = ["a", "a/b", "a_b", "a b", "x" * 300, "x" * 301]
    assert len({file_name(text) for text in texts}) == len(texts)
    assert all(len(file_name(text)) < 200 for text in texts)


def test_a_budget_is_a_number_of_percent_or_without_one():
    assert percentage("2.5%") == 2.5
    assert percentage("true") == float("inf")
