"""A user's own texts in a column of a table."""

import pandas as pd
import pytest
from data_files import read

import influence_bench as ib

REVIEWS = pd.DataFrame(
    {
        "review": ["a fine film", "dull and long", "bright, warm, funny", "a waste of time"] * 10,
        "verdict": ["good", "bad", "good", "bad"] * 10,
    }
)


def test_texts_of_a_file_load_and_a_model_that_counts_words_learns_them(tmp_path, monkeypatch):
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "reviews.csv"
    REVIEWS.to_csv(file, index=False)
    data = ib.load(f"csv-text[path={file},label=verdict,text=review]", noise="symmetric", rate=0.1)
    assert data.classes == ("bad", "good")
    assert sorted({text for (text,) in data.train.x}) == sorted(set(REVIEWS["review"]))
    assert ib.score("loss", ib.prepare(data, "logistic")).shape == (len(data.train),)


def test_texts_keep_their_words_and_lines(tmp_path):
    texts = ["NA", "None", "1.10", "two\nlines; and, more", "?"] * 8
    REVIEWS.assign(review=texts).to_csv(tmp_path / "reviews.csv", index=False, sep=";", encoding="utf-16")
    source = read(f"csv-text[path={tmp_path}/reviews.csv,label=verdict,text=review]")
    assert [text for (text,) in source.x] == texts


@pytest.mark.parametrize(
    ("text", "table", "message"),
    [
        ("reviews", REVIEWS, "no column of texts 'reviews' in .*: did you mean review"),
        ("verdict", REVIEWS, "no column of texts 'verdict' in .*"),
        (
            "review",
            REVIEWS.assign(review=["  ", *REVIEWS["review"][1:]]),
            "'review' is empty in row 0",
        ),
        (
            "review",
            REVIEWS.assign(review=[None, *REVIEWS["review"][1:]]),
            "'review' is empty in row 0; drop rows without a text",
        ),
    ],
)
def test_a_file_without_such_texts_is_one_line(tmp_path, text, table, message):
    file = tmp_path / "reviews.csv"
    table.to_csv(file, index=False)
    with pytest.raises(ib.InputError, match=message) as caught:
        ib.load(f"csv-text[path={file},label=verdict,text={text}]")
    assert "\n" not in str(caught.value)
