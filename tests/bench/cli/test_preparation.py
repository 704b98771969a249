"""`download` fetches and reads; `recipes` says which goals of accuracy the models reach."""

import pytest
from sklearn.datasets import load_iris

from influence_bench.bench.cli import preparation
from influence_bench.bench.training.goals import Goal


def test_download_fetches_and_reads_and_says_what_needs_none(command, flowers, tmp_path, monkeypatch):
    monkeypatch.setenv("INFLUENCE_BENCH_DATA", str(tmp_path))
    (tmp_path / "pmlb").mkdir()
    load_iris(as_frame=True).frame.to_csv(tmp_path / "pmlb" / "flowers.tsv", sep="\t", index=False)
    status, out, err = command("download", "pmlb[name=flowers]", "blobs", f"csv[path={flowers[0]},label=kind]")
    assert status == 0, err
    assert (
        out.splitlines()[0]
        == f"pmlb[name=flowers]: 150 rows to learn from, in {tmp_path}; licence: MIT; each set its own"
    )
    assert "blobs needs no download: scikit-learn's generator" in out
    assert f"csv[path={flowers[0]},label=kind] needs no download: a file of your own" in out


@pytest.mark.parametrize(("accuracy", "verdict"), [(0.97, "reached"), (0.9699, "MISSED")])
def test_recipes_compares_accuracies_with_goals(command, monkeypatch, accuracy, verdict):
    asked = []

    def reached(names, seeds):
        asked.append((names, seeds))
        yield Goal("digits", "mlp", 0.97), accuracy

    monkeypatch.setattr(preparation, "reached", reached)
    status, out, _ = command("recipes", "--datasets", "digits, cifar10n", "--seeds", 3)
    assert (status, asked) == (0, [(["digits", "cifar10n"], 3)])
    assert out == f"mlp on digits: test accuracy {accuracy:.4f}, goal 0.97 {verdict}\n"
