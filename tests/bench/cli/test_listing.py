"""`list` and `show` print what there is: as a table that fits, as JSON with every column, as pages."""

import json

import pytest

from influence_bench.bench import fingerprint
from influence_bench.bench.catalogue.pages import all_pages


@pytest.mark.parametrize("what", ["methods", "datasets", "noises", "suites", "models"])
def test_list_prints_a_table_and_json(command, what):
    status, out, _ = command("list", what)
    assert status == 0
    rows = json.loads(command("list", what, "--json")[1])
    assert all(next(iter(row.values())) in out for row in rows)


def test_list_datasets_shows_source_and_licence_and_json_has_the_whole_record(command):
    out = command("list", "datasets")[1]
    assert "licence" in out
    assert "CC BY-NC 4.0" in out
    assert "scikit-learn's generator" in out
    rows = {row["dataset"]: row for row in json.loads(command("list", "datasets", "--json")[1])}
    assert rows["openml"]["arguments"] == "id: int | None = None, name: str | None = None, version: int | None = None"
    assert rows["openml"]["downloads"] is True
    assert rows["iris"] == {
        "dataset": "iris", "kind": "table", "arguments": "", "human noise": "",
        "idea": rows["iris"]["idea"], "source": rows["wine"]["source"],
        "licence": "CC BY 4.0", "citation": "Fisher 1936, Iris", "downloads": False,
    }  # fmt: skip
    assert rows["iris"]["idea"].startswith("150 flowers")


def test_list_methods_shows_when_a_package_is_needed_and_whether_it_is_missing(command, monkeypatch):
    def packages():
        return {row["method"]: row["package"] for row in json.loads(command("list", "methods", "--json")[1])}

    assert (packages()["loss"], packages()["cleanlab"]) == ("", "cleanlab")
    spared = "(not with the default detector=iforest or detector=l1 or detector=l2)"
    assert packages()["outlier-gradient"] == f"pyod {spared}"
    monkeypatch.setattr(fingerprint, "installed", lambda package: None)
    assert packages()["cleanlab"] == "cleanlab: not installed"
    assert packages()["outlier-gradient"] == f"pyod: not installed {spared}"


def test_a_plug_in_is_listed(command, plugin):
    status, out, _ = command("list", "methods", "--plugin", plugin)
    assert status == 0
    assert "my-method" in out


def test_show_prints_pages_and_writes_them(command, tmp_path):
    status, out, _ = command("show", "loss", "less")
    assert status == 0
    assert "When to use it" in out
    assert "Xia et al. 2024" in out
    assert command("show", "--out", tmp_path / "new" / "methods.md")[0] == 0
    assert (tmp_path / "new" / "methods.md").read_text() == all_pages()
    status, _, err = command("show", "los")
    assert (status, err) == (2, "influence-bench: there is no method 'los': did you mean loss or less or logra?\n")
