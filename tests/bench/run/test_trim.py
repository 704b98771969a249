"""Trim and retrain: which rows go, which trainings are redone, and what the differences say."""

import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel

import influence_bench as ib
from influence_bench.bench.results.specs import Arm, ProblemSpec
from influence_bench.bench.run.arms import removed
from influence_bench.bench.run.trim import trim
from influence_bench.reports.page import write_report
from influence_bench.reports.trimming.gains import gains

SUITE = """
title = "A small suite"
seeds = 1
methods = ["loss", "random"]

[[problems]]
dataset = "blobs"
noise = "symmetric"
rate = 0.2
model = "logistic"
"""
SPEC = ProblemSpec("blobs", "logistic", "symmetric", 0.2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trim")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INFLUENCE_BENCH_CACHE", str(folder / "cache"))
        (folder / "small.toml").write_text(SUITE)
        yield trim(ib.run(str(folder / "small.toml"), out=folder / "run", workers=1), ["10%", "true"], 1, workers=1)


def rows_of(run, removal, budget, seed=0):
    return removed(run, Arm(SPEC, removal, budget, seed))


def test_metrics_follow_a_truth_that_is_stored_anew(run, tmp_path):
    copied = ib.open_run(shutil.copytree(run.folder, tmp_path / "run"))
    before = copied.frame()
    file = copied.folder / "problems" / f"{SPEC.slug}.npz"
    np.savez_compressed(file, truth=~copied.truth(SPEC.slug))
    same = before["problem"] == before.loc[0, "problem"]
    after = copied.frame().loc[same, "roc_auc"]
    assert after.to_numpy() == pytest.approx(1 - before.loc[same, "roc_auc"].to_numpy())


def test_a_method_loses_its_suspects_and_the_oracle_wrong_labels(run):
    truth = run.truth(SPEC.slug)
    scores = next(run.scores(record) for record in run.cells() if record.method == "loss")
    assert set(rows_of(run, "loss", "10%")) == set(np.argsort(-scores)[: round(0.1 * len(scores))])
    assert list(rows_of(run, "oracle", "true")) == list(np.flatnonzero(truth))
    assert truth[rows_of(run, "oracle", "10%")].all()
    assert len(rows_of(run, "oracle", "50%")) == round(len(truth) / 2)
    assert len(rows_of(run, "none", "")) == 0


def test_random_removal_depends_on_the_seed_alone(run):
    first, again, other = (rows_of(run, "random", "10%", seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_nothing_removed_is_the_runs_own_training_and_the_last_epoch_counts(run):
    result = run.arm(Arm(SPEC, "none", "", 0))
    assert result.accuracy == result.accuracy_by_epoch[-1] == run.frame()["model_accuracy"][0]
    assert len(result.accuracy_by_epoch) == 50
    unshuffled = run.arm(Arm(SPEC, "none, unshuffled", "", 0))
    assert unshuffled.accuracy_by_epoch != result.accuracy_by_epoch


def test_only_what_is_missing_or_changed_is_trained_again(run):
    times = {file: file.stat().st_mtime_ns for file in run.folder.glob("trimmed/*/*.json")}
    assert len(times) == 2 + 2 * 3  # a method called random would be the control itself
    (changed,) = (file for file in times if '"loss"' in file.read_text() and '"10%"' in file.read_text())
    (damaged,) = (file for file in times if '"oracle"' in file.read_text() and '"10%"' in file.read_text())
    changed.write_text(changed.read_text().replace('"removed": "', '"removed": "other'))
    damaged.write_text("{")
    trim(run, ["10%", "true"], 1, workers=1)
    again = {file for file in times if file.stat().st_mtime_ns != times[file]}
    assert again == {changed, damaged}


def test_differences_are_paired_by_seed():
    rng = np.random.default_rng(0)
    rows = []
    for removal, budget in (("none", ""), ("random", "5%"), ("loss", "5%")):
        for seed, accuracy in enumerate(rng.normal(0.9, 0.01, 6)):
            rows.append(
                {"problem": "p", "problem_seed": 0, "removal": removal, "budget": budget, "seed": seed, "k": 5}
                | {"n_train": 100, "wrong_labels": 2, "accuracy": accuracy}
            )
    frame = pd.DataFrame(rows).sample(frac=1, random_state=0)
    table = gains(frame).set_index("removal")
    by_seed = frame.pivot(index="seed", columns="removal", values="accuracy")
    for removal in ("none", "loss"):
        interval = ttest_rel(by_seed[removal], by_seed["random"]).confidence_interval(1 - 0.05 / 2)  # two removals
        assert table.loc[removal, ["low", "high"]].to_numpy(float) == pytest.approx(list(interval))
    assert table.loc["random", ["gain", "low", "high"]].to_list() == [0, 0, 0]
    several = pd.concat(
        [frame, frame.assign(problem_seed=1, accuracy=frame["accuracy"] + (frame["removal"] == "loss"))]
    )
    assert gains(several).set_index("removal").loc["loss", "gain"] == pytest.approx(table.loc["loss", "gain"] + 0.5)


def test_the_report_has_every_arm(run, tmp_path):
    page = write_report([run], tmp_path).read_text()
    text = (tmp_path / "trimming.md").read_text()
    assert "without 10% of the rows" in text
    assert "without as many rows as are wrong" in text
    for removal in ("loss", "random", "oracle", "none, unshuffled"):
        assert f"| {removal} " in text
        assert f'<th scope="row">{removal}</th>' in page
    assert text.startswith("# A small suite: trim and retrain")


def test_retrained_models_say_where_they_come_from(run, tmp_path):
    (command,) = run.trims
    assert run.trims[command].command == command
    assert run.trims[command].commit == run.info.provenance.commit
    assert "Trimmed by" in write_report([run], tmp_path).read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--budget", "0%"], "the budget '0%' does not fit"),
        (["--budget", "5%", "ten"], "the budget 'ten' does not fit"),
        (["--methods", "los"], "did you mean loss"),
        (["--seeds", "0"], "seeds=0 is out of range"),
    ],
)
def test_bad_arguments_are_one_line_and_status_2(run, arguments, message):
    command = [sys.executable, "-m", "influence_bench", "trim", str(run.folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
