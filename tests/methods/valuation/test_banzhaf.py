"""Banzhaf values against all subsets."""

import numpy as np
import pytest
from games import problem, semivalues, utility

import influence_bench as ib


@pytest.mark.parametrize("kind", ["squared-error", "accuracy"])
def test_random_subsets_come_near_the_enumerated_banzhaf_values(kind):
    given, n = problem(), 7
    scores = ib.score("banzhaf", given, evaluations=20_000, utility=kind)
    expected = -semivalues(n, lambda rows: utility(given, rows, kind), lambda size: 1 / 2 ** (n - 1))
    np.testing.assert_allclose(scores, expected, atol=0.01)
