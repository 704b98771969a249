"""Columns of official tables become features; other rows are encoded with the same words."""

import pandas as pd
import pytest
from fruit import TABLE

import influence_bench as ib
from influence_bench.datasets.tables.one_hot import features, words_of


def test_words_of_the_training_rows_encode_other_rows():
    words = words_of(TABLE.drop(columns="kind"), "a.csv")
    other = pd.DataFrame({"size": [9], "fresh": [False], "colour": ["blue"]})
    assert features(other, words, "b.csv").tolist() == [[9, 0, 0, 1, 0]]
    with pytest.raises(ib.InputError, match=r"b.csv: column 'colour' holds 'green' in row 0, which is new"):
        features(other.assign(colour="green"), words, "b.csv")
