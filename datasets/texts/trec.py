"""TREC's questions by what they ask for, from the two official files or from tables with the same rows."""

from ...bench.problem.examples import Examples
from ...bench.problem.texts import Texts
from ..files.checks import damaged, reading
from ..files.delimited import Row, label_indices, read_columns
from ..files.download import data_folder, fetch
from ..source import Source, dataset

URL = "https://cogcomp.seas.upenn.edu/Data/QA/QC/"
FILES = {
    "train": ("train_5500.label", "sha256:9e4c8bdcaffb96ed61041bd64b564183d52793a8e91d84fc3a8646885f466ec3", 5452),
    "test": ("TREC_10.label", "sha256:033f22c028c2bbba9ca682f68ffe204dc1aa6e1cf35dd6207f2d4ca67f0d0e8e", 500),
}
CLASSES = {
    "ABBR": "abbreviation",
    "DESC": "description",
    "ENTY": "entity",
    "HUM": "person",
    "LOC": "place",
    "NUM": "number",
}


@dataset(
    kind="text",
    source=URL,
    licence="none stated",
    citation="Li & Roth 2002, Learning Question Classifiers",
    downloads=True,
)
def trec() -> Source:
    """5,952 questions by what they ask for: abbreviation, description, entity, person, place or number."""
    train, test = map(_examples, FILES)
    return Source(train.x, train.y, tuple(CLASSES.values()), test=test)


def _examples(part: str) -> Examples:
    name, checksum, count = FILES[part]
    path = data_folder() / f"trec/trec_{part}.tsv"
    if path.exists():
        rows = read_columns(path, ("coarse", "question"), rows=count)
    else:
        path = fetch(f"trec/{name}", URL + name, checksum)
        with reading(path):
            lines = path.read_text(encoding="latin-1").splitlines()
        rows = [_parsed(line) for line in lines]
        if len(rows) != count:
            raise damaged(path, f"it has {len(rows)} rows, not {count}")
    labels, questions = zip(*rows, strict=True)
    return Examples(Texts.of((question,) for question in questions), label_indices(path, labels, CLASSES))


def _parsed(line: str) -> Row:
    """Split a line `COARSE:fine question` into the coarse label and the question."""
    label, _, question = line.partition(" ")
    return label.partition(":")[0], question
