"""The page of the paper's claims: figures from runs, verdicts from their intervals, sources that can be traced."""

import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from made_up_runs import MadeUpRun

import influence_bench as ib
from influence_bench.bench.run.trim import trim
from influence_bench.reports.claims.claim import Evidence, claim
from influence_bench.reports.claims.contrast import Contrast
from influence_bench.reports.claims.page import write_claims
from influence_bench.reports.claims.paper import synthetic
from influence_bench.reports.claims.paper.gradients import flips_among_data_gradients_and_influences
from influence_bench.reports.claims.sections import sections
from influence_bench.reports.drawing import PAGE
from influence_bench.reports.markdown import escaped
from influence_bench.reports.page import write_report

SUITE = """
title = "Half moons"
seeds = 3
views = true
methods = ["outlier-gradient", "outlier-gradient[detector=l1]", "outlier-gradient[detector=l2]", "loss",
    "influence-self", "margin", "self-confidence", "confidence-weighted-entropy", "random"]

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
        patch.setattr(synthetic, "NETWORK", "logistic")  # which trains in no time
        (folder / "paper-synthetic.toml").write_text(SUITE)
        done = ib.run(str(folder / "paper-synthetic.toml"), out=folder / "run", workers=1)
        yield trim(done, ["10%"], 1, methods=["outlier-gradient"], workers=1)


def test_the_page_sets_the_papers_figures_beside_ours_and_names_its_sources(run, tmp_path):
    write_claims([run], tmp_path)
    text = (tmp_path / "claims.md").read_text()
    count = len(sections([run])[0].tested)
    assert "isolation forest 96.0 %, L1 and L2 98.0 %" in text
    assert "outlier-gradient[detector=l1]" in text
    assert text.count("- Here: ") == text.count("- Contrast: ") == text.count("- Margin: ") == count > 6
    assert "Not tested: this run has no influence-exact, grad-dot" in text
    whole = run.trimmed().query("budget == ''").pivot(index="problem_seed", columns="removal", values="accuracy")
    lift = whole["none"] - whole["none, unshuffled"]
    assert f"paired by problem and seed: {100 * lift.mean():+.2f} [" in text
    for source in ("command", "commit", "seeds", "machine", "versions", "date", "trimmed by"):
        assert f"- {source}: " in text


def test_the_table_of_verdicts_has_what_each_follows_from(run, tmp_path):
    write_claims([run], tmp_path)
    text = (tmp_path / "claims.md").read_text()
    (section,) = sections([run])
    lines = text[text.index("## Verdicts") :].split("\n\n")[1].splitlines()
    assert len(lines) == 2 + len(section.tested)
    for line, tested in zip(lines[2:], section.tested, strict=True):
        number, claim_, contrast, difference, margin, seen, p, word = (cell.strip() for cell in line[1:-1].split(" | "))
        assert (int(number), claim_, word) == (tested.number, tested.claim.statement, tested.word)
        assert contrast == escaped(tested.claim.contrast.words)
        assert margin == tested.claim.contrast.bound
        assert (difference, seen, p) == tuple(map(escaped, tested.known))
    assert {tested.word for tested in section.tested} >= {"not tested", "cannot be told"}
    assert "A smaller scale than the paper's is not a refutation" in text
    assert "the paper: half moons of 250 rows with 20 flips" in text
    assert "here: half-moons · symmetric 8 % · logistic; 3 seeds" in text


def test_the_page_is_whole_alone_and_links_each_claim_of_its_summary(run, tmp_path):
    text = write_claims([run], tmp_path).read_text()
    references = re.findall(r"""(?:src|srcset|href)\s*=\s*["']?([^"'\s>]+)|url\(([^)]*)\)|@import\s+(\S+)""", text)
    for reference in map("".join, references):
        assert reference.startswith(("data:", "#claim-")), reference[:80]
        if reference.startswith("#"):
            assert f'id="{reference[1:]}"' in text
    assert text.count('href="#claim-') == text.count("<article id=") > 6
    assert text.count("<figure>") == 1


def test_the_runs_own_report_says_what_it_says_of_the_claims(run, tmp_path):
    text = write_report([run], tmp_path).read_text()
    assert text.count("<article id=") > 3
    assert text.count('href="#claim-') == text.count("<article id=")
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
    table = synthetic.flagged_accuracy(run, 0.1)
    record = next(record for record in run.cells() if record.method == "loss")
    truth, scores = run.truth(record.problem), run.scores(record)
    flagged = scores >= sorted(scores)[-25]
    spec = run.problem(record.problem).spec
    assert table.loc["loss", (spec.label, spec.seed)] == pytest.approx((flagged == truth).mean())


@pytest.mark.usefixtures("own_claims")
def test_a_claim_that_is_registered_is_on_the_page(run, tmp_path):
    contrast = Contrast("the first arm", "the second arm", "test accuracy", "seed", margin=0.01, because="of the paper")

    @claim("paper-synthetic", "nowhere", "42", contrast)
    def something(run):
        """Something is so."""
        index = pd.MultiIndex.from_product([["p"], range(3)], names=["problem", "seed"])
        return Evidence(pd.Series([0.19, 0.2, 0.21], index), "43")

    text = write_claims([run], tmp_path).read_text()
    assert "Something is so." in text
    assert "the first arm, minus the second arm: test accuracy (points)" in text
    assert "<strong>+20.00 [+17.52, +22.48]</strong>" in text
    assert '<p class="verdict">Stands: the difference is shown to be above 0.</p>' in text


def test_runs_of_other_suites_are_refused_in_one_line(tmp_path):
    with pytest.raises(ib.InputError, match=r"test none of the paper's claims: give runs of .*paper-synthetic"):
        write_claims([MadeUpRun()], tmp_path)
