"""The page of the paper's claims: figures from runs, verdicts from their intervals, sources that can be traced."""

import pytest

import influence_bench as ib
from influence_bench.bench.trim import trim
from influence_bench.reports.claims import Finding, claim, write_claims
from influence_bench.reports.paper.figures import told, verdict
from influence_bench.reports.paper.synthetic import flagged_accuracy

SUITE = """
title = "Half moons"
seeds = 3
methods = ["outlier-gradient", "outlier-gradient[detector=l1]", "outlier-gradient[detector=l2]", "loss", "random"]

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
    text = write_claims([run], tmp_path).read_text()
    assert "isolation forest 96.0 %, L1 and L2 98.0 %" in text
    assert "outlier-gradient[detector=l1]" in text
    assert text.count("- Here: ") == 7
    assert "Not tested: this run has no self-confidence" in text
    whole = run.trimmed().query("budget == ''").pivot(index="problem_seed", columns="removal", values="accuracy")
    lift = whole["none"] - whole["none, unshuffled"]
    assert f"shuffling alone {100 * lift.mean():+.2f}" in text if lift.any() else "shuffling alone 0 points" in text
    gap = run.trimmed()["accuracy_by_epoch"].map(lambda by_epoch: max(by_epoch) - by_epoch[-1]).mean()
    assert f"on the same test rows: {100 * gap:+.2f}" in text
    for source in ("command", "commit", "machine", "versions", "date"):
        assert f"- {source}: " in text


def test_flagged_accuracy_is_the_papers_detection_accuracy(run):
    table = flagged_accuracy(run, 0.1)
    record = next(r for r in run.records() if r["method"] == "loss")
    truth, scores = run.truth(record["problem"]), run.scores(record)
    flagged = scores >= sorted(scores)[-25]
    assert table.loc["loss", record["problem"]] == pytest.approx((flagged == truth).mean())


@pytest.mark.parametrize(
    ("difference", "sentence"),
    [((0.2, 0.1, 0.3), "yes"), ((-0.2, -0.3, -0.1), "no"), ((0.0, -0.1, 0.1), "Cannot be told from chance here.")],
)
def test_a_verdict_needs_an_interval_beside_zero(difference, sentence):
    assert verdict(difference, "yes", "no") == sentence


def test_a_single_seed_has_no_interval():
    assert told("loss", (0.5, float("nan"), float("nan")), "{:.1f}".format) == "loss 0.5"


def test_a_claim_is_one_decorated_function(run, tmp_path, monkeypatch):
    from influence_bench.reports import claims

    monkeypatch.setattr(claims, "_claims", [])

    @claim("paper-synthetic", "nowhere", "42")
    def something(run):
        """Something is so."""
        return Finding("43", "Does not stand.")

    text = write_claims([run], tmp_path).read_text()
    assert "### Something is so." in text
    assert "**Does not stand.**" in text


def test_runs_of_other_suites_are_refused_in_one_line(run, tmp_path, monkeypatch):
    monkeypatch.setattr(type(run), "info", {"suite": "quick"})
    with pytest.raises(ib.InputError, match=r"test none of the paper's claims: give runs of .*paper-synthetic"):
        write_claims([run], tmp_path)
