"""The keeper of the truth: what third parties' processes see, what it takes over from them, and when it begins anew."""

import json
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_runs import cell

import influence_bench as ib
from influence_bench.bench.records import line
from influence_bench.bench.results.records import Cost, ProblemRecord
from influence_bench.bench.results.run import Run
from influence_bench.bench.results.specs import ProblemSpec
from influence_bench.bench.run import keeper
from influence_bench.bench.run.jobs import Answer, Commission, Declared, Prepare, Row
from influence_bench.bench.run.record import outline
from influence_bench.bench.run.suite import Suite

SPEC = ProblemSpec("blobs", "logistic", "symmetric", 0.2)
THEIRS = Row("theirs", "theirs", {}, "control", [], False, [], {"code of theirs": "1"})
N = 20


class Pools:
    """Stand in for pools: they do jobs at once, in this process.

    Attributes:
        done: each job, with the names of all files in the run's folder at that time.
        before: called with each job before it is done.
    """

    def __init__(self, folder):
        self.folder, self.done, self.before, self.scores = folder, [], [], np.arange(float(N))

    @contextmanager
    def pool(self, workers, plugins=(), *, takes_third_parties=True):
        yield self.submit

    def submit(self, jobs, shown):
        for name, job in jobs.items():
            for act in self.before:
                act(job)
            self.done.append((job, [str(file.relative_to(self.folder)) for file in self.folder.rglob("*.*")]))
            yield name, self.do(job)

    def do(self, job):
        run, work = Run(Path(job.run)), job.work
        if isinstance(work, Prepare):
            place = self.folder.parent / "prepared" / f"{work.problem.slug} {work.salt}"
            place.mkdir(parents=True, exist_ok=True)
            (place / "rows").write_text("rows")
            card = {"rows": {"train": N, "valid": 4}}
            truth = np.random.default_rng(int(work.salt, 16)).permutation(N) < 5
            known = ProblemRecord(work.problem, 0.2, N, 1, 1.0, str(place), card)
            run.write_problem(known, {"truth": truth} if work.with_truth else None)
        else:
            known = outline(run, work.cell, row=THEIRS if work.cell.method == "theirs" else None)
            cost = Cost(*[1.0] * 8, 0, 0, {})
            run.write_cell(replace(known, cost=cost), self.scores)
        return Answer("done")

    def scored(self):
        """The rows scored so far."""
        return [job.work.cell.label for job, _ in self.done if not isinstance(job.work, Prepare)]


@pytest.fixture
def pools(tmp_path, monkeypatch):
    stand_in = Pools(tmp_path / "run")
    monkeypatch.setattr(keeper, "pool", stand_in.pool)
    monkeypatch.setattr(keeper, "end_children", lambda: None)
    return stand_in


@pytest.fixture
def sealed(pools, tmp_path):
    """Run the row of a third party and own rows, as often as asked; returns the run."""

    def go(*own, seeds=2, **options):
        suite = Suite("small", "A small suite", (SPEC,), ("theirs", *(own or ("loss",))), seeds)
        given = {"workers": 1, "device": "cpu", "plugins": [], "retry_failed": False, "command": "run"} | options
        keeper.run_sealed(Commission(suite, str(tmp_path / "run"), **given), Declared([THEIRS], {}))
        return ib.open_run(tmp_path / "run")

    return go


def test_rows_of_third_parties_come_first_and_see_neither_truth_nor_salt(sealed, pools):
    run = sealed()
    salt = run.info.salt
    assert len(salt) == 32
    assert pools.scored() == ["theirs"] * 2 + ["loss"] * 2
    first, second = (number for number, (job, _) in enumerate(pools.done) if "theirs" in line(job))
    for job, files in pools.done[first : second + 1]:
        assert salt not in line(job)
        assert str(run.folder) not in line(job)
        assert not any(file.endswith(".npz") or file.startswith("cells") for file in files)
    assert all(job.work.salt == salt for job, _ in pools.done if isinstance(job.work, Prepare))
    assert (run.info.sealed, run.info.sealed_scores) == (("theirs",), run.digest_of(["theirs"]))
    assert run.truth(f"{SPEC.slug}").sum() == 5
    assert set(run.frame()["method"]) == {"theirs", "loss"}


def test_a_finished_run_stays_and_takes_further_rows_of_our_own(sealed, pools):
    before = sealed().info
    pools.done.clear()
    assert sealed("loss", "el2n").info.salt == before.salt
    assert pools.scored() == ["el2n"] * 2


@pytest.mark.parametrize("how", ["missing", "damaged", "another seed", "another problem", "failed"])
def test_rows_of_third_parties_that_lack_cells_begin_anew_with_a_new_salt(sealed, pools, how, capsys):
    run = sealed()
    before, old = run.info.salt, sorted(run.folder.glob("problems/*.npz"))
    record = next(run.folder.glob("cells/*/theirs.json"))
    match how:
        case "missing":
            record.unlink()
        case "damaged":
            record.write_text("{")
        case "another problem":
            record.write_text(record.read_text().replace(before, "another"))
        case "failed":
            record.write_text(json.dumps(json.loads(record.read_text()) | {"status": "error", "scores": None}))
            sealed()
            assert run.info.salt == before
    pools.done.clear()
    run = sealed(seeds=3 if how == "another seed" else 2, retry_failed=how == "failed")
    assert run.info.salt != before
    assert len(pools.scored()) == 2 * len(run.problems())
    assert "all is done again under a new salt" in " ".join(capsys.readouterr().err.split())
    *_, (_, files) = [done for done in pools.done if "theirs" in line(done[0])]
    assert not {str(file.relative_to(run.folder)) for file in old} & set(files)


def test_a_run_that_would_lose_other_rows_does_not_begin_anew(sealed, pools):
    before = sealed("loss", "el2n").info.salt
    next(pools.folder.glob("cells/*/theirs.json")).unlink()
    with pytest.raises(ib.InputError, match="would begin anew and lose el2n: ask for all rows again, or give --out"):
        sealed("loss")
    assert Run(pools.folder).info.salt == before
    assert sealed("loss", "el2n").info.salt != before


def test_what_an_interrupted_run_has_scored_can_be_read_but_not_added_to(sealed, pools):
    def interrupt(job):
        if pools.scored() and not isinstance(job.work, Prepare):
            raise KeyboardInterrupt

    pools.before.append(interrupt)
    with pytest.raises(KeyboardInterrupt):
        sealed()
    pools.before.clear()
    run = ib.open_run(pools.folder)
    assert list(run.frame()["method"]) == ["theirs"]
    before = run.info.salt
    assert sealed().info.salt != before
    assert len(run.frame()) == 4


def test_a_run_that_was_killed_says_that_its_truth_is_lost_and_begins_anew(sealed, pools):
    run = sealed()
    run.write_info(replace(run.info, salt=""))
    with pytest.raises(ib.InputError, match="was stopped before its truth was written: run the suite again"):
        run.frame()
    sealed().frame()


@pytest.mark.parametrize(
    ("scores", "error"),
    [
        (np.arange(N - 1.0), "the stored scores are not finite float64"),
        (np.full(N, np.inf), "the stored scores are not finite float64"),
        (np.arange(N), "the stored scores are not finite float64"),
        (None, "the cell left no result"),
    ],
)
def test_results_that_are_none_are_failures(sealed, pools, scores, error, monkeypatch):
    do = pools.do

    def other(job):
        pools.scores = scores if "theirs" in line(job) else np.arange(float(N))
        return Answer("done") if pools.scores is None else do(job)

    monkeypatch.setattr(pools, "do", other)
    frame = sealed().frame().set_index("method")
    assert set(frame.loc["theirs", "status"]) == {"error"}
    assert frame.loc["theirs", "error"].str.contains(error).all()
    assert set(frame.loc["loss", "status"]) == {"ok"}


def test_a_record_cannot_pass_for_another_row(sealed, pools):
    def forge(job):
        for file in Path(job.run).glob("cells/*/theirs.json") if "theirs" in line(job) else ():
            forged = {"method": "loss", "name": "loss", "family": "label quality", "uses": ["validation"]}
            file.write_text(json.dumps(json.loads(file.read_text()) | forged))

    pools.before.append(forge)
    frame = sealed().frame()
    assert sorted(frame["method"]) == ["loss", "loss", "theirs", "theirs"]
    assert set(frame.loc[frame["method"] == "theirs", "uses"]) == {""}


def test_what_third_parties_leave_in_the_folder_or_change_in_a_problem_does_not_stay(sealed, pools):
    run = Run(pools.folder)

    def plant(job):
        if "theirs" in line(job):
            planted = cell("loss", SPEC.slug, Cost(*[1.0] * 8, 0, 0, {}), depends_on={"problem": "x"})
            run.write_cell(planted, -np.arange(float(N)))
            for rows in (pools.folder.parent / "prepared").glob("*/rows"):
                rows.write_text("others")

    pools.before.append(plant)
    sealed()
    assert pools.scored() == ["theirs"] * 2 + ["loss"] * 2
    assert {rows.read_text() for rows in (pools.folder.parent / "prepared").glob("*/rows")} == {"rows"}


def test_results_of_code_that_leaves_code_behind_for_python_to_load_are_refused(sealed, pools, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path / "site")
    (tmp_path / "site").mkdir()

    def plant(job):
        if "theirs" in line(job):
            (tmp_path / "site" / "hook.pth").write_text("import hook")

    pools.before.append(plant)
    with pytest.raises(ib.InputError, match=r"hook\.pth\. Nothing that follows could be trusted"):
        sealed()
    assert not Run(pools.folder).cells()
    assert pools.scored() == ["theirs"] * 2


def test_a_folder_holds_sealed_runs_or_others(sealed, pools, tmp_path):
    run = sealed()
    with pytest.raises(ib.InputError, match="holds a sealed run: give --out another folder"):
        ib.run(Suite("small", "A small suite", (SPEC,), ("loss",)), run.folder)
    run.write_info(replace(run.info, salt="", sealed=()))
    with pytest.raises(ib.InputError, match="holds a run that is not sealed: give --out another folder"):
        sealed()
    with pytest.raises(ib.InputError, match="the salt 'pepper' is not hexadecimal"):
        ib.run("quick", tmp_path / "other", salt="pepper")


def test_scores_that_were_changed_once_the_truth_was_known_are_noticed(sealed):
    run = sealed()
    record = next(record for record in run.cells() if record.method == "theirs")
    run.write_cell(record, run.truth(SPEC.slug).astype(float))
    with pytest.raises(ib.InputError, match="the scores of sealed rows were changed after the truth was known"):
        run.frame()
