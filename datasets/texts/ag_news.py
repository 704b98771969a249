"""AG's news topics, from the csv files of the paper that defined the classification task."""

from ...bench.problem.examples import Examples
from ...bench.problem.texts import Texts
from ..files.delimited import label_indices, read_csv
from ..files.download import fetch
from ..source import Source, dataset

URL = "https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/master/data/ag_news_csv/"
FILES = {
    "train.csv": ("sha256:76a0a2d2f92b286371fe4d4044640910a04a803fdd2538e0f3f29a5c6f6b672e", 120_000),
    "test.csv": ("sha256:521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699", 7_600),
}
CLASSES = {"1": "world", "2": "sports", "3": "business", "4": "science and technology"}


@dataset(
    kind="text",
    source=URL,
    licence="none stated; for non-commercial use",
    citation="Zhang, Zhao & LeCun 2015, Character-level Convolutional Networks for Text Classification",
    downloads=True,
)
def ag_news() -> Source:
    """127,600 news items with title and description: world, sports, business, or science and technology."""
    train, test = map(_examples, FILES)
    return Source(train.x, train.y, tuple(CLASSES.values()), test=test)


def _examples(name: str) -> Examples:
    checksum, count = FILES[name]
    path = fetch(f"ag_news_csv/{name}", URL + name, checksum)
    labels, titles, descriptions = zip(*read_csv(path, columns=3, rows=count), strict=True)
    texts = (f"{title}. {description}" for title, description in zip(titles, descriptions, strict=True))
    return Examples(Texts.of((text.replace("\\", " "),) for text in texts), label_indices(path, labels, CLASSES))
