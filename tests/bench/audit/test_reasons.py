"""Why a row is suspect: cells that are unusual for its label, and near duplicates with another label."""

import numpy as np
import pandas as pd
import torch

from influence_bench.bench.audit.reasons import twins, unusual

Y = np.arange(400) % 2


def test_a_number_far_from_those_of_its_label_is_unusual():
    cells = pd.DataFrame({"height": [str(170 + 10 * (row % 7)) for row in range(400)], "ten": ["10"] * 400})
    cells.loc[8, "height"] = "1700"
    far, usual = unusual(cells, Y, ["cat", "dog"], np.array([8, 9]))
    assert far == {"height": "far above what rows labelled cat usually have, 180 to 220"}
    assert usual == {}


def test_a_word_that_is_rare_for_its_label_and_common_elsewhere_is_unusual():
    words = np.where(Y == 1, "bark", "meow").astype(object)
    words[10], words[12] = "bark", "a name of its own"
    rare, own, usual = unusual(pd.DataFrame({"sound": words}), Y, ["cat", "dog"], np.array([10, 12, 14]))
    assert rare == {"sound": "1 of 200 rows labelled cat has this"}
    assert own == {}
    assert usual == {}


def test_missing_cells_and_columns_of_any_type_are_no_error():
    cells = pd.DataFrame({"a": [None, *range(399)], "b": pd.Categorical(["x", None] * 200), "c": [np.nan] * 400})
    assert unusual(cells, Y, ["cat", "dog"], np.array([0, 1])) == [{}, {}]


def test_the_twin_of_a_row_is_its_near_duplicate_with_another_label():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(400, 3))).float()
    x[51], x[72] = x[20] + 1e-4, x[40]
    assert Y[51] != Y[20]
    assert Y[72] == Y[40]
    assert twins(x, Y, np.array([20, 40, 60])) == [51, None, None]


def test_identical_rows_have_their_twins_even_where_many_are_identical():
    x = torch.zeros(400, 2)
    assert twins(x, Y, np.array([0]))[0] is not None
