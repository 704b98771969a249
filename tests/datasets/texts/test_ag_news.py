"""AG's news are read from their csv files."""

import csv

import pytest

from influence_bench.datasets.texts import ag_news

pytestmark = pytest.mark.usefixtures("no_download")


def test_ag_news_is_read_from_its_csv_files(folder, monkeypatch):
    (folder / "ag_news_csv").mkdir()
    for name, (checksum, _) in ag_news.FILES.items():
        monkeypatch.setitem(ag_news.FILES, name, (checksum, 40))
        with (folder / "ag_news_csv" / name).open("w", newline="") as file:
            rows = [(1 + row % 4, f"Title {row}", f'It said "{row}",\\and more') for row in range(40)]
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    source = ag_news.ag_news()
    assert source.x.rows[1] == ('Title 1. It said "1", and more',)
    assert source.y[:5].tolist() == [0, 1, 2, 3, 0]
    assert source.classes[1] == "sports"
