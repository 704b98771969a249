"""Official files of TREC and of the Hausa news, made of the tables in the folder of real data."""

import pytest

from influence_bench.datasets.texts import trec


@pytest.fixture
def official(real_data, folder):
    """A data folder with the official files."""

    def table(path):
        lines = path.read_text(encoding="utf-8").splitlines()
        return [line.split("\t") for line in lines[1:]]

    (folder / "trec").mkdir()
    for part, (name, *_) in trec.FILES.items():
        rows = table(real_data / f"trec/trec_{part}.tsv")
        (folder / "trec" / name).write_bytes("".join(f"{fine} {text}\n" for _, fine, text in rows).encode("latin-1"))

    (folder / "hausa_newsclass").mkdir()
    train, test = (table(real_data / f"newsclass/hausa_newsclass_{part}.tsv") for part in ("train", "test"))
    noisy = [f"{row}\t{title}\t{given.title()}" for row, (title, _, given) in enumerate(train)]
    for name, lines in {
        "train_clean.tsv": ["news_title\tlabel", *(f"{title}\t{label.title()}" for title, label, _ in train)],
        "train_clean_noisy_labels.tsv": ["\tnews_title\tlabel", *noisy],
        "test.tsv": ["news_title\tlabel", *(f"{title}\t{label.title()}" for title, label in test)],
    }.items():
        (folder / "hausa_newsclass" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
