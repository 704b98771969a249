"""Files of known cells are read cell for cell or refused in one line; `tests/shared/fuzz_tables.py` runs for long."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from random_tables import json_tables, parquet_tables, workbooks
from random_texts import text_tables
from table_outcomes import reading

FEW = settings(
    max_examples=40, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.mark.parametrize("tables", [text_tables, json_tables, workbooks, parquet_tables])
def test_what_is_read_is_what_was_written(tables):
    @FEW
    @given(tables())
    def read_back(table):
        reading(table)

    read_back()
