"""The page of the paper's claims: figures from runs, verdicts from their intervals, sources that can be traced."""

import re
import shutil
import subprocess
import sys

import pytest
from made_up_runs import MadeUpRun

import influence_bench as ib
from influence_bench.bench.run.trim import trim
from influence_bench.reports.claims.claim import Finding, claim
from influence_bench.reports.claims.page import write_claims
from influence_bench.reports.claims.paper.gradients import flips_among_data_gradients_and_influences
from influence_bench.reports.claims.paper.synthetic import flagged_accuracy
from influence_bench.reports.drawing import PAGE
from influence_bench.reports.page import write_report

SUITE = """
title = "Half moons"
seeds = 3
views = true
methods = ["outlier-gradient", "outlier-gradient[detector=l1]", "outlier-gradient[detector=l2]", "loss",
    "influence-self", "random"]

[[problems]]
dataset = "half-moons"
noise = "symmetric"
rate = 0.08
model = "logistic"
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("claims")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INFLUENCE_BENCH_CACHE", str(folder / "cache"))
        (folder / "paper-synthetic.toml").write_text(SUITE)
        done = ib.run(str(folder / "paper-synthetic.toml"), out=folder / "run", workers=1)
        yield trim(done, ["10%"], 1, methods=["outlier-gradient"], workers=1)


def test_the_page_sets_the_papers_figures_beside_ours_and_names_its_sources(run, tmp_path):
    write_claims([run], tmp_path)
    text = (tmp_path / "claims.md").read_text()
    assert "isolation forest 96.0 %, L1 and L2 98.0 %" in text
    assert "outlier-gradient[detector=l1]" in text
    assert text.count("- Here: ") == 7
    assert "Not tested: this run has no self-confidence" in text
    whole = run.trimmed().query("budget == ''").pivot(index="problem_seed", columns="removal", values="accuracy")
    lift = whole["none"] - whole["none, unshuffled"]
    assert f"shuffling alone {100 * lift.mean():+.2f}" in text if lift.any() else "shuffling alone 0 points" in text
    gap = run.trimmed()["accuracy_by_epoch"].map(lambda by_epoch: max(by_epoch) - by_epoch[-1]).mean()
    assert f"on the same test rows: {100 * gap:+.2f}" in text
    for source in ("command", "commit", "seeds", "machine", "versions", "date", "trimmed by"):
        assert f"- {source}: " in text


def test_the_page_is_whole_alone_and_links_each_claim_of_its_summary(run, tmp_path):
    text = write_claims([run], tmp_path).read_text()
    references = re.findall(r"""(?:src|srcset|href)\s*=\s*["']?([^"'\s>]+)|url\(([^)]*)\)|@import\s+(\S+)""", text)
    for reference in map("".join, references):
        assert reference.startswith(("data:", "#claim-")), reference[:80]
        if reference.startswith("#"):
            assert f'id="{reference[1:]}"' in text
    assert text.count('href="#claim-') == text.count("<article id=") > 3
    assert text.count("<figure>") == 1


def test_the_runs_own_report_says_what_it_says_of_the_claims(run, tmp_path):
    text = write_report([run], tmp_path).read_text()
    assert text.count("<article id=") > 3
    assert "Outlier gradients find flipped labels that" in text


def test_the_picture_counts_the_flips_among_the_first_suspects(run):
    records = (record for record in run.cells() if run.problem(record.problem).spec.seed == 0)
    record = next(record for record in records if record.method == "outlier-gradient")
    truth, order = run.truth(record.problem), (-run.scores(record)).argsort(kind="stable")
    figure = flips_among_data_gradients_and_influences(run, PAGE)
    title = figure.axes[1].get_title(loc="left")
    assert title == f"{truth[order[:25]].sum()} of {truth.sum()} flips are ringed"
    assert len(figure.axes) == 3


def test_the_picture_shows_the_stored_view_wherever_the_problem_was_prepared(run, tmp_path, monkeypatch):
    shutil.copytree(run.folder, tmp_path / "run")
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path / "another machine"))
    copy = ib.open_run(tmp_path / "run")
    figure = flips_among_data_gradients_and_influences(copy, PAGE)
    slug = next(record.problem for record in copy.cells() if copy.problem(record.problem).spec.seed == 0)
    drawn = [tuple(point) for dots in figure.axes[1].collections[:4] for point in dots.get_offsets().tolist()]
    assert sorted(drawn) == sorted(map(tuple, copy.view(slug)["components"].tolist()))


def test_what_a_run_cannot_test_it_says_instead_of_failing(run, tmp_path):
    shutil.copytree(run.folder, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "trimmed")
    for file in (tmp_path / "run").glob("cells/*/influence*.json"):
        file.unlink()
    text = write_claims([ib.open_run(tmp_path / "run")], tmp_path).read_text()
    assert text.count('<p class="verdict">Not tested: this run has no ') >= 3
    assert "<figure>" not in text


@pytest.mark.parametrize("command", ["claims", "report"])
def test_a_run_of_another_version_is_one_line_and_status_2(run, tmp_path, command):
    shutil.copytree(run.folder, tmp_path / "run")
    for file in (tmp_path / "run" / "problems").glob("*.json"):
        file.write_text(file.read_text().replace('"n_train":', '"rows":'))
    arguments = [sys.executable, "-m", "influence_bench", command, str(tmp_path / "run"), "--out", str(tmp_path)]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode == 2
    assert "written by another version of influence-bench" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_flagged_accuracy_is_the_papers_detection_accuracy(run):
    table = flagged_accuracy(run, 0.1)
    record = next(record for record in run.cells() if record.method == "loss")
    truth, scores = run.truth(record.problem), run.scores(record)
    flagged = scores >= sorted(scores)[-25]
    assert table.loc["loss", record.problem] == pytest.approx((flagged == truth).mean())


@pytest.mark.usefixtures("own_claims")
def test_a_claim_that_is_registered_is_on_the_page(run, tmp_path):
    @claim("paper-synthetic", "nowhere", "42")
    def something(run):
        """Something is so."""
        return Finding("43", "Does not stand.")

    text = write_claims([run], tmp_path).read_text()
    assert "Something is so." in text
    assert '<p class="verdict">Does not stand.</p>' in text


def test_runs_of_other_suites_are_refused_in_one_line(tmp_path):
    with pytest.raises(ib.InputError, match=r"test none of the paper's claims: give runs of .*paper-synthetic"):
        write_claims([MadeUpRun()], tmp_path)
