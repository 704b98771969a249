"""The gains of trimming in words."""

import pytest
from made_up_runs import MadeUpRun, retrained

from influence_bench.reports.trimming.gains import gains, trimming_of
from influence_bench.reports.trimming.sentences import heading, points, trimming_markdown, trimming_sentences


def test_the_best_removal_is_compared_with_what_no_method_could_know() -> None:
    first, chance = trimming_sentences(gains(retrained()))
    assert first.startswith("Retrained without its suspects, loss gains most: +0.50 points of test accuracy over the")
    assert "removing nothing: +0.00" in first.replace("-0.00", "+0.00")
    assert "chance alone would give about 0.1 each" in chance


def test_without_controls_nothing_is_compared() -> None:
    first, _ = trimming_sentences(gains(retrained()).query("removal in ('loss', 'random')"))
    assert first.endswith("on average over 2 problems and budgets.")


def test_controls_alone_have_no_sentence() -> None:
    assert trimming_sentences(gains(retrained()).query("removal == 'none'")) == []


def test_the_markdown_has_a_table_for_each_budget() -> None:
    trimming = trimming_of([MadeUpRun(trainings=retrained())])
    assert trimming is not None
    text = trimming_markdown(trimming, "Quick | flips")
    assert text.startswith("# Quick \\| flips: trim and retrain\n")
    assert "\n## digits · mlp, without 5% of the rows\n" in text
    assert "\n## digits · mlp, without as many rows as are wrong\n" in text


@pytest.mark.parametrize(
    ("gain", "text"),
    [((0.01, 0.005, 0.015), "+1.00 [+0.50, +1.50]"), ((-0.01, float("nan"), float("nan")), "-1.00"), ((0, 0, 0), "0")],
)
def test_points_have_a_sign_and_an_interval_if_there_is_one(gain: tuple[float, float, float], text: str) -> None:
    assert points(*gain) == text


def test_a_heading_names_the_budget_in_words() -> None:
    assert heading("digits", "2.5%") == "digits, without 2.5% of the rows"
