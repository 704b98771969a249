"""Audits of random tables end right or in one true line: `tests/shared/fuzz_tables.py` runs them for long."""

from audit_outcomes import outcome
from hypothesis import HealthCheck, Phase, given, settings
from random_audits import audits


@settings(
    max_examples=8, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(audits())
def test_each_row_is_joined_to_its_own_cells_or_there_is_one_true_line(drawn):
    outcome(drawn)
