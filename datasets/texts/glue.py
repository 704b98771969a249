"""Four tasks of GLUE. The labels of its test sets are hidden, so its development sets are the test splits here."""

from collections.abc import Iterable
from pathlib import Path

from ...bench.problem.examples import Examples
from ...bench.problem.texts import Texts
from ..files.archives import unzip
from ..files.checks import damaged
from ..files.delimited import Row, label_indices, read_columns
from ..files.download import data_folder, fetch
from ..source import Source, dataset

URL = "https://dl.fbaipublicfiles.com/glue/data/"
ARCHIVES = {
    "SST-2": ("SST-2.zip", "sha256:d67e16fb55739c1b32cdce9877596db1c127dc322d93c082281f64057c16deaa"),
    "QNLI": ("QNLIv2.zip", "sha256:e634e78627a29adaecd4f955359b22bf5e70f2cbd93b493f2d624138a0c0e5f5"),
    "QQP": ("QQP-clean.zip", "sha256:40e7c862c04eb26ee04b67fd900e76c45c6ba8e6d8fab4f8f1f8072a1a3fbae0"),
}
ROWS = {"SST-2": (67_349, 872), "QNLI": (104_743, 5_463), "QQP": (363_846, 40_430), "MRPC": (3_668, 408)}
PARAPHRASES = (
    "https://dl.fbaipublicfiles.com/senteval/senteval_data/msr_paraphrase_train.txt",
    "sha256:60a9b09084528f0673eedee2b69cb941920f0b8cd0eeccefc464a98768457f89",
)
DEVELOPMENT = (URL + "mrpc_dev_ids.tsv", "sha256:971d7767d81b997fd9060ade0ec23c4fc31cbb226a55d1bd4a1bac474eb81dc7")
GLUE = "Wang et al. 2019, GLUE"


@dataset(
    kind="text",
    source=URL + "SST-2.zip",
    licence="none stated",
    citation=f"Socher et al. 2013, Recursive Deep Models for Semantic Compositionality; {GLUE}",
    downloads=True,
)
def sst_2() -> Source:
    """68,221 phrases of film reviews: negative or positive."""
    return _task("SST-2", ("sentence",), "label", {"0": "negative", "1": "positive"})


@dataset(
    kind="text",
    source=URL + "QNLIv2.zip",
    licence="CC BY-SA 4.0 (SQuAD)",
    citation=f"Rajpurkar et al. 2016, SQuAD; {GLUE}",
    downloads=True,
)
def qnli() -> Source:
    """110,206 pairs of a question and a sentence: whether the sentence holds the answer."""
    names = {"entailment": "entailment", "not_entailment": "not entailment"}
    return _task("QNLI", ("question", "sentence"), "label", names)


@dataset(
    kind="text",
    source=URL + "QQP-clean.zip",
    licence="none stated; Quora's terms of service",
    citation=f"Iyer et al. 2017, First Quora Dataset Release: Question Pairs; {GLUE}",
    downloads=True,
)
def qqp() -> Source:
    """404,276 pairs of questions: whether both ask the same."""
    names = {"0": "different", "1": "duplicate"}
    return _task("QQP", ("question1", "question2"), "is_duplicate", names)


@dataset(
    kind="text",
    source="https://www.microsoft.com/en-us/download/details.aspx?id=52398",
    licence="Microsoft Research: for non-commercial research",
    citation=f"Dolan & Brockett 2005, Automatically Constructing a Corpus of Sentential Paraphrases; {GLUE}",
    downloads=True,
)
def mrpc() -> Source:
    """4,076 pairs of sentences from the news: whether both say the same."""
    path = fetch("glue/MRPC/msr_paraphrase_train.txt", *PARAPHRASES)
    chosen = fetch("glue/MRPC/dev_ids.tsv", *DEVELOPMENT)
    development = set(read_columns(chosen, ("#1 ID", "#2 ID"), columns=("#1 ID", "#2 ID")))
    rows = read_columns(path, ("#1 ID", "#2 ID", "#1 String", "#2 String", "Quality"), rows=sum(ROWS["MRPC"]))
    parts = [[row[2:] for row in rows if (row[:2] in development) is is_test] for is_test in (False, True)]
    if len(parts[1]) != ROWS["MRPC"][1]:
        raise damaged(chosen, f"it names {len(parts[1])} of the pairs, not {ROWS['MRPC'][1]}")
    names = {"0": "different", "1": "paraphrase"}
    train, test = (_examples(path, part, names) for part in parts)
    return Source(train.x, train.y, tuple(names.values()), test=test)


def _task(task: str, texts: Row, label: str, names: dict[str, str]) -> Source:
    """A task from its archive; `names` gives the name of each class by its label in the files."""
    folder = data_folder() / "glue"
    paths = [folder / task / f"{part}.tsv" for part in ("train", "dev")]
    if not all(path.exists() for path in paths):
        name, checksum = ARCHIVES[task]
        unzip(fetch(f"glue/{name}", URL + name, checksum), folder, [f"{task}/{path.name}" for path in paths])
    train, test = (
        _examples(path, read_columns(path, (*texts, label), rows=rows, whole=task != "QQP"), names)
        for path, rows in zip(paths, ROWS[task], strict=True)
    )
    return Source(train.x, train.y, tuple(names.values()), test=test)


def _examples(path: Path, rows: Iterable[Row], names: dict[str, str]) -> Examples:
    """Examples from rows whose last cell is the label."""
    *_, labels = zip(*rows, strict=True)
    return Examples(Texts.of(row[:-1] for row in rows), label_indices(path, labels, names))
