"""The gains of trimming in words."""

import re

import pandas as pd
import pytest
from made_up_runs import MadeUpRun, retrained

from influence_bench.reports.trimming.gains import trimming_of
from influence_bench.reports.trimming.sentences import heading, points, trimming_markdown, trimming_sentences


def sentences(trainings: pd.DataFrame) -> list[str]:
    trimming = trimming_of([MadeUpRun(trainings=trainings)])
    assert trimming is not None
    return trimming_sentences(trimming)


def test_the_best_removal_is_compared_with_what_no_method_could_know() -> None:
    first, shown = sentences(retrained())
    assert re.match(
        r"Retrained without its suspects, loss has the highest mean gain over the random removal of as many rows: "
        r"\+0\.50 \[\+0\.\d\d, \+0\.\d\d\] points of test accuracy, on average over 2 problems and budgets, which is "
        r"shown to be better\.",
        first,
    )
    assert "removing nothing: +0.00" in first.replace("-0.00", "+0.00")
    assert re.match(
        r"Of 4 trimmings by a method, 2 are shown to be better than random removal and none to be worse", shown
    )
    assert re.search(r"With 80 % a difference of 0\.0\d to 0\.\d\d points would be seen\.$", shown)


def test_a_gain_that_is_not_shown_is_not_claimed() -> None:
    first, shown = sentences(retrained().query("removal != 'loss'"))
    assert re.search(r"el2n .*, which is not shown to differ; 0\.\d\d points would be seen with 80 %\.", first)
    assert "none are shown to be better than random removal and none to be worse" in shown


def test_one_training_claims_nothing() -> None:
    first, silence = sentences(retrained(trainings=1))
    assert "shown" not in first
    assert silence == "One training of each arm does not show the spread: no interval, and no claim."


def test_without_controls_nothing_is_compared() -> None:
    first, _ = sentences(retrained().query("removal in ('loss', 'random')"))
    assert first.endswith("which is shown to be better.")


def test_controls_alone_have_no_sentence() -> None:
    assert sentences(retrained().query("removal in ('none', 'random')")) == []


def test_the_markdown_has_a_table_for_each_budget() -> None:
    trimming = trimming_of([MadeUpRun(trainings=retrained())])
    assert trimming is not None
    text = trimming_markdown(trimming, "Quick | flips")
    assert text.startswith("# Quick \\| flips: trim and retrain\n")
    assert "\n## digits · mlp, without 5% of the rows\n" in text
    assert "\n## digits · mlp, without as many rows as are wrong\n" in text
    assert re.search(
        r"\n\| loss +\| 90\.50% +\| \+0\.50 \[\+0\.\d\d, \+0\.\d\d\] +\| better +\| 0\.\d\d +\| 50% +\| 3 ", text
    )


@pytest.mark.parametrize(
    ("gain", "text"),
    [((0.01, 0.005, 0.015), "+1.00 [+0.50, +1.50]"), ((-0.01, float("nan"), float("nan")), "-1.00"), ((0, 0, 0), "0")],
)
def test_points_have_a_sign_and_an_interval_if_there_is_one(gain: tuple[float, float, float], text: str) -> None:
    assert points(*gain) == text


def test_a_heading_names_the_budget_in_words() -> None:
    assert heading("digits", "2.5%") == "digits, without 2.5% of the rows"
