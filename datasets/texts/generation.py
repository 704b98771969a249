"""Three text generation tasks with ten classes each: the influential rows of a test row are those of its class.

These are the tasks of DataInf (Kwon et al. 2024, section 5.3), which section 7 of the outlier gradient paper also uses,
with 90 training and 10 test rows in each class. The sentences and problems are not the paper's: our own templates
generate them. A row is a prompt and its answer; `y` is the class, which the model never sees. The test rows are also
the validation rows, so that methods can score the influence on each test row.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ...bench.problem.examples import Examples
from ...bench.problem.texts import Texts
from ..source import Source, dataset

TRAIN, TEST = 90, 10
Write = Callable[[np.random.Generator], tuple[str, str]]

WORDS = (
    "amber brave calm clever dusty early gentle hollow narrow quiet rapid silver steady tall young",
    "baker captain doctor farmer gardener hunter painter pilot sailor singer tailor teacher writer",
    "admires builds carries cleans draws finds follows hides mends moves paints sells watches",
    "baskets boats bridges candles carpets clocks engines fences ladders lanterns mirrors tables windows",
    "abroad downtown inside nearby outside overseas today tomorrow tonight upstairs weekly yearly",
)
VOWELS = "aeiou"

TRANSFORMATIONS: dict[str, Callable[[str], str]] = {
    "Reverse the order of the words": lambda text: " ".join(reversed(text.split())),
    "Write every other letter as a capital": lambda text: "".join(
        letter.upper() if place % 2 else letter for place, letter in enumerate(text)
    ),
    "Put a 1 between the words": lambda text: " 1 ".join(text.split()),
    "Replace the vowels with stars": lambda text: _replaced(text, VOWELS, "*"),
    "Double every consonant": lambda text: "".join(letter if letter in VOWELS + " " else 2 * letter for letter in text),
    "Begin every word with a capital": str.title,
    "Remove the vowels": lambda text: _replaced(text, VOWELS, ""),
    "Add ly to every word": lambda text: " ".join(word + "ly" for word in text.split()),
    "Remove the consonants": lambda text: "".join(letter for letter in text if letter in VOWELS + " "),
    "Write every word twice": lambda text: " ".join(f"{word} {word}" for word in text.split()),
}

PROBLEMS: dict[str, tuple[str, str, Callable[..., int]]] = {
    "shopping": (
        "A shop has {a} red cups and gets {b} boxes of {c} cups. How many cups is that?",
        "The boxes hold {b} x {c} cups, and {a} were there",
        lambda a, b, c: a + b * c,
    ),
    "harvest": (
        "Each of {a} crates holds {b} pears, and {c} more are picked. How many pears are there?",
        "The crates hold {a} x {b} pears, and {c} are picked",
        lambda a, b, c: a * b + c,
    ),
    "distance": (
        "A train goes {a} km an hour for {b} hours, then {c} km more. How far does it go?",
        "In {b} hours it goes {a} x {b} km, then {c} km",
        lambda a, b, c: a * b + c,
    ),
    "perimeter": (
        "A field is {a} m long and {b} m wide, and {c} m from a road. How long are its fence and the path?",
        "Around it is 2 x ({a} + {b}) m, and the path has {c} m",
        lambda a, b, c: 2 * (a + b) + c,
    ),
    "area": (
        "A wall of {a} m by {b} m and a door of {c} square m are painted. What area is that?",
        "The wall has {a} x {b} square m, and the door {c}",
        lambda a, b, c: a * b + c,
    ),
    "ages": (
        "Ann is {a}, Ben is {b} years older and Cleo {c} years older than Ben. How old is Cleo?",
        "Ben is {a} + {b}, and Cleo {c} more",
        lambda a, b, c: a + b + c,
    ),
    "wages": (
        "Dan earns {a} coins a day and {b} for each of {c} repairs. What has he earned after a day?",
        "The repairs bring {b} x {c} coins, the day {a}",
        lambda a, b, c: a + b * c,
    ),
    "seats": (
        "A hall has {a} rows of {b} chairs and {c} chairs on a balcony. How many chairs is that?",
        "The rows have {a} x {b} chairs, the balcony {c}",
        lambda a, b, c: a * b + c,
    ),
    "temperature": (
        "It is {a} degrees, then it falls by {b} and rises by {c}. How many degrees is it now?",
        "It falls to {a} - {b} and rises by {c}",
        lambda a, b, c: a - b + c,
    ),
    "gifts": (
        "Eve has {a} stamps, buys {b} and gets {c} from each of 2 friends. How many has she now?",
        "With those she buys she has {a} + {b}, and 2 x {c} more",
        lambda a, b, c: a + b + 2 * c,
    ),
}

generated = dataset(
    kind="generation",
    source="generated from templates",
    licence="none needed",
    citation="Kwon et al. 2024, DataInf, section 5.3; Chhabra et al. 2025, arXiv 2405.03869, section 7",
)


@generated
def sentence_transformations(seed: int) -> Source:
    """1,000 sentences to rewrite, 100 in each of ten ways."""
    return _source({name: _transformed(name) for name in TRANSFORMATIONS}, seed)


@generated
def math_without_reasoning(seed: int) -> Source:
    """1,000 word problems, 100 from each of ten templates, with the result as the answer."""
    return _source({name: _solved(name, reasoning=False) for name in PROBLEMS}, seed)


@generated
def math_with_reasoning(seed: int) -> Source:
    """1,000 word problems, 100 from each of ten templates, with the calculation and the result as the answer."""
    return _source({name: _solved(name, reasoning=True) for name in PROBLEMS}, seed)


def _source(classes: dict[str, Write], seed: int) -> Source:
    """Draw distinct rows for every class until each has enough."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[tuple[str, str]]] = {}
    for name, write in classes.items():
        drawn: dict[Any, None] = {}
        while len(drawn) < TRAIN + TEST:
            drawn[write(rng)] = None
        rows[name] = list(drawn)
    train, test = (
        Examples(
            Texts.of(row for of_class in rows.values() for row in of_class[part]),
            torch.arange(len(rows)).repeat_interleave(len(range(TRAIN + TEST)[part])),
        )
        for part in (slice(TRAIN), slice(TRAIN, None))
    )
    return Source(train.x, train.y, tuple(classes), test=test, valid=test)


def _transformed(name: str) -> Write:
    def write(rng: np.random.Generator) -> tuple[str, str]:
        text = " ".join(("the", *(rng.choice(words.split()) for words in WORDS)))
        return f"{name}: {text}", TRANSFORMATIONS[name](text)

    return write


def _solved(name: str, reasoning: bool) -> Write:
    problem, reason, solve = PROBLEMS[name]

    def write(rng: np.random.Generator) -> tuple[str, str]:
        numbers = dict(zip("abc", rng.integers(1, 100, 3).tolist(), strict=True))
        answer = str(solve(**numbers))
        return problem.format(**numbers), f"{reason.format(**numbers)}: {answer}" if reasoning else answer

    return write


def _replaced(text: str, letters: str, by: str) -> str:
    return "".join(by if letter in letters else letter for letter in text)
