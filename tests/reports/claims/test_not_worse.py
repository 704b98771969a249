"""A claim that says no more than that an arm is not worse."""

import pytest

from influence_bench.bench.errors import InputError
from influence_bench.reports.claims.contrast import AUC, Contrast
from influence_bench.reports.claims.judge import judged
from influence_bench.reports.statistics.estimates import Estimate


def contrast(least):
    return Contrast("a", "b", "ROC-AUC", "seed", margin=0.02, because="of a", least=least, unit=AUC)


@pytest.mark.parametrize(
    ("mean", "sentence"),
    [
        (0.05, "Stands: the difference is shown to be above -0.020."),
        (0.0, "Stands: the difference is shown to be above -0.020."),
        (-0.02, "Cannot be told: at 80 % power "),
        (-0.05, "Falls: the difference is shown to be below -0.020."),
    ],
)
def test_an_arm_that_is_better_or_alike_is_not_worse(mean, sentence):
    (verdict,) = judged([(contrast(-0.02), Estimate(mean, 0.002, 9))])
    assert verdict.sentence.startswith(sentence)


def test_an_arm_is_worse_only_beyond_the_margin():
    assert contrast(-0.02).bound == "-0.020"
    with pytest.raises(InputError, match=r"is -0.01: give at least 0, or minus the margin, -0.02,"):
        contrast(-0.01)
