"""The Hausa news have the published noise, and files that do not belong together are refused."""

import hashlib

import pytest
import torch
from data_files import complaint

import influence_bench as ib
from influence_bench.datasets.texts import hausa_news

pytestmark = pytest.mark.usefixtures("no_download")


def test_hausa_news_has_the_published_files_and_noise(official):
    for name, (checksum, _) in hausa_news.FILES.items():
        path = official / "hausa_newsclass" / name
        assert "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest() == checksum
    data = ib.load("hausa-news", noise="distant")
    assert (len(data.train) + len(data.valid), len(data.test)) == (2045, 582)
    source = hausa_news.hausa_news()
    assert int((source.human["distant"] != source.y).sum()) == 1030


def test_tables_give_what_the_official_files_give(official, real_data, monkeypatch):
    first = hausa_news.hausa_news()
    monkeypatch.setenv("INFLUENCE_BENCH_DATA", str(real_data))
    second = hausa_news.hausa_news()
    assert (first.x, first.test.x) == (second.x, second.test.x)
    assert torch.equal(first.y, second.y)
    assert torch.equal(first.human["distant"], second.human["distant"])
    assert torch.equal(first.test.y, second.test.y)


def test_noisy_labels_of_other_headlines_are_refused(official):
    path = official / "hausa_newsclass/train_clean_noisy_labels.tsv"
    path.write_bytes(path.read_bytes().replace(b"A", b"B", 1))
    assert "its headlines are not those of train_clean.tsv" in complaint(hausa_news.hausa_news)
