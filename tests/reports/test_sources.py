"""Where figures come from: a fact for each thing that a reader needs, and what a retraining did in another setting."""

from dataclasses import replace

from made_up_runs import PROVENANCE, MadeUpRun, info

from influence_bench.reports.sources import Fact, facts


def test_facts_name_the_command_the_seeds_the_code_and_the_machine() -> None:
    listed = facts(MadeUpRun())
    assert listed[0] == Fact("command", "influence-bench run quick", command=True)
    text = {fact.name: fact.text for fact in listed}
    assert text["seeds"] == "3"
    assert text["machine"] == "processor a processor, cores 2, memory 8 GB"
    assert text["versions"] == "numpy 2.4.6, torch 2.9.0"
    assert (text["code"], text["commit"], text["date"]) == ("0123abcd", "c0ffee", "2026-11-23T20:00:00")


def test_an_unknown_commit_is_no_fact() -> None:
    assert "commit" not in {fact.name for fact in facts(MadeUpRun(record=info(commit=None)))}


def test_a_retraining_names_its_command_and_only_what_differs_from_the_run() -> None:
    later = replace(PROVENANCE, created="2026-11-24T08:00:00", device="cuda", commit="beef")
    *_, command, setting = facts(MadeUpRun(commands={"influence-bench trim": later}))
    assert command == Fact("trimmed by", "influence-bench trim", command=True)
    assert setting == Fact("trimmed on", "2026-11-24T08:00:00; commit beef; device cuda")
