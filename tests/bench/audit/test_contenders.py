"""The ways of ranking rows that are tried, by kind of input."""

from dataclasses import replace

import numpy as np
import pytest

from influence_bench.bench.audit.contenders import contenders
from influence_bench.bench.audit.inputs import own_rows


@pytest.mark.parametrize(
    ("classes", "first"), [(3, "boosted trees, out of sample"), (60, "a small network, out of sample")]
)
def test_boosted_trees_judge_tables_unless_there_are_too_many_classes_for_them(classes, first):
    rows = own_rows((np.random.default_rng(0).random((240, 2)), np.arange(240) % classes))
    ways = contenders(replace(rows, kind="table"))
    assert ways[0].name == first
    assert len({way.name for way in ways}) == len(ways)
