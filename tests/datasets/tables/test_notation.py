"""Numbers in every notation that people write are read, and two notations in one column are refused by name."""

import numpy as np
import pytest
from data_files import complaint
from hypothesis import given
from hypothesis import strategies as st

from influence_bench.datasets.tables.notation import Notation, is_number, notation_of


def found(words):
    return notation_of(words, np.ones(len(words), dtype=np.int64), "a.csv: column 'x'")


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (["1.5", "-2", "1e3", ".5"], [1.5, -2, 1000, 0.5]),
        (["1,5", "-2", "1.234,5"], [1.5, -2, 1234.5]),
        (["1,234", "999", "12,345,678.9"], [1234, 999, 12345678.9]),
        (["1 234,5", "2\u202f345,0", "0,5"], [1234.5, 2345, 0.5]),
        (["1'234.50", "7"], [1234.5, 7]),
        (["12,34,567", "1,000"], [1234567, 1000]),
        (["$1,234.50", "-$2", "$-3", "($4)"], [1234.5, -2, -3, -4]),
        (["5 %", "12.5%"], [5, 12.5]),
        (["5 €", "1.234,50 €"], [5, 1234.5]),
        (["USD 5", "USD 7.25"], [5, 7.25]),
        (["61 kg", "75.5kg"], [61, 75.5]),
        (["−5", "+7"], [-5, 7]),
        (["1", "?", "n/a", "3", ""], [1, np.nan, np.nan, 3, np.nan]),
        (["1", "80+", "3", "inf"], [1, np.nan, 3, np.nan]),
    ],
)
def test_numbers_are_read_in_the_notation_of_their_column(words, numbers):
    np.testing.assert_array_equal(found(words).numbers(words), numbers)


@pytest.mark.parametrize(
    "words",
    [
        ["red", "blue"],
        ["12B", "7C", "3A"],
        ["1st", "2nd", "3rd"],
        ["192.168.0.1", "10.0.0.1"],
        ["01.02.2024", "28.02.2024"],
        ["1,3,5", "2,4,6"],
        ["12:30", "7:15"],
        ["5 kg", "500 g"],
        ["NA", ""],
        ["1", "a", "b"],
    ],
)
def test_words_are_no_numbers(words):
    assert found(words) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["1,5", "1.5"], "writes numbers in two ways, as '1,5' and as '1.5'"),
        (["1,234.5", "1.234,5"], "writes numbers in two ways"),
        (["$5", "€5"], "holds '$5' and '€5': give all its numbers the same unit"),
        (["5%", "0.05"], "holds '5%' and '0.05'"),
    ],
)
def test_numbers_in_two_ways_are_one_line(words, said):
    line = complaint(found, words)
    assert said in line
    assert "a.csv: column 'x'" in line


@given(
    st.lists(st.decimals(-(10**8), 10**8, places=2), min_size=1, max_size=20),
    st.sampled_from([("", "."), (",", "."), (".", ","), (" ", ","), ("'", "."), ("\u202f", ",")]),
    st.sampled_from(["{}", "{} %", "${}", "{} km/h", "{}€"]),
)
def test_every_notation_reads_back_the_number_that_was_written(values, marks, unit):
    thousands, decimal = marks
    written = [f"{value:,.2f}".replace(",", "t").replace(".", decimal).replace("t", thousands) for value in values]
    words = [unit.format(word) for word in written]
    np.testing.assert_allclose(found(words).numbers(words), [float(value) for value in values], rtol=1e-12)


@given(st.lists(st.text(max_size=12), max_size=20))
def test_any_words_are_numbers_or_words_or_one_line(words):
    try:
        notation = found(words)
    except ValueError as error:
        assert "a.csv: column" in str(error)  # noqa: PT017 - a refusal is allowed, if it names the column
        return
    numbers = (notation or Notation()).numbers(words)
    assert not np.isinf(numbers).any()


def test_a_formula_is_no_number():
    assert all(map(is_number, ["-5", "+5", "-1,5", "-5 %", "-$5", "-1e5"]))
    assert not any(map(is_number, ["=1+1", "-1+1", "+1-800", "-", "@a", "-2+3+cmd|' /C calc'!A0"]))
