"""Small datasets of texts: eight reviews of two classes, and four prompts with answers."""

import torch

from influence_bench.bench.problem.examples import Examples
from influence_bench.bench.problem.texts import Texts
from influence_bench.datasets.dataset import Dataset

GOOD, BAD = ["a fine film", "great", "i loved it", "a lovely warm story"], ["dull", "a bad film", "i hated it", "awful"]
PROMPTS = [("say cat", "cat"), ("say dog", "dog"), ("double cat", "catcat"), ("double dog", "dogdog")]


def dataset(rows, y, kind="text"):
    """A dataset whose training, validation and test rows are the same."""
    train, valid, test = (Examples(Texts.of(rows), torch.tensor(y)) for _ in range(3))
    return Dataset(train, valid, test, train.y, ("0", "1"), {"dataset": "small", "kind": kind})


def reviews():
    return dataset([(text,) for text in GOOD + BAD], [1] * 4 + [0] * 4)


def prompts():
    return dataset(PROMPTS, [0, 0, 1, 1], kind="generation")
