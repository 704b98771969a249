"""Audits that nobody ran, one of each kind of input, and one whose every text is hostile."""

import random
from base64 import b64encode
from dataclasses import replace
from io import BytesIO
from typing import Any

from PIL import Image

from influence_bench.bench.results.audit import Audit, Contender, Depth, Estimate, Kind, Planted, Row, Suspect

KINDS: tuple[Kind, ...] = ("table", "texts", "images", "arrays", "probabilities")
HOSTILE = (
    '</script><script>document.title = "broken"</script><img src=x onerror=\'document.title="broken"\'>'
    "\u202e\u05d0\u05d1, \"quoted\" 'single' & {{ braces }} ]]> <!-- \r\n second line\u2028" + "x" * 200
)
CLASSES = {
    "table": ["benign", "malignant"],
    "texts": ["negative", "neutral", "positive"],
    "images": ["airplane", "bird", "cat", "deer", "dog", "frog", "horse", "ship"],
    "arrays": [f"class {number}" for number in range(20)],
    "probabilities": [f"tag-{number}" for number in range(60)],
}
TEXTS = (
    "The battery lasts two days and the screen is bright. I would buy it again without a second thought.",
    "Arrived broken, and nobody answers the phone.",
    "It does what it says. Nothing more to report, nothing less: a plain kettle that boils water.",
    "Ich habe selten so gut geschlafen! The mattress is firm where it should be, and soft where it matters. After three"
    " months there is still no dip in the middle, the cover washes well, and the smell of the first night was gone by"
    " the second. My back thanks me every morning, which is more than I can say of the one before.",
)


def made_up_audit(kind: Kind, number: int = 24, **changes: Any) -> Audit:
    """An audit of a kind, with so many suspects."""
    rng = random.Random(7)
    classes = CLASSES[kind]
    suspects = [suspect(kind, rank, classes, rng) for rank in range(1, number + 1)]
    matrix = [[0 if i == j else int(60 * rng.random() ** 4) for j in classes] for i in classes]
    audit = Audit(
        data={"table": "tumours.csv", "images": "photos/"}.get(kind, f"my-{kind}"),
        label="" if kind == "images" else "label",
        kind=kind,
        rows=10_000,
        classes=classes,
        method=contenders()[0].name,
        chosen="It found planted errors best: 0.971 of ROC-AUC on average, clearly ahead of the second.",
        planted=Planted(share=0.05, rows=2_000, draws=3, contenders=contenders()),
        wrong=Estimate(412.3, 371.2, 455.9),
        depths=[Depth(100, Estimate(0.91, 0.84, 0.96)), Depth(500, Estimate(0.62, 0.55, 0.7))],
        matrix=matrix,
        suspects=suspects,
        notes=["3 classes have fewer than 10 rows: their rows rank low whatever their labels."],
        seconds=83.4,
    )
    return replace(audit, **changes)


def contenders() -> list[Contender]:
    """Ways of ranking, the best first; the last is worse than chance."""
    return [
        Contender("margin on boosted trees, out of sample", [0.968, 0.971, 0.974], [0.78, 0.8, 0.82], 12.4),
        Contender("self-confidence on boosted trees, out of sample", [0.961, 0.966, 0.97], [0.75, 0.77, 0.79], 12.4),
        Contender("outlier-gradient on a small network, in sample", [0.902, 0.921, 0.934], [0.6, 0.62, 0.66], 3.1),
        Contender("knn-vote on nearest neighbours", [0.48, 0.52, 0.55], [0.05, 0.06, 0.07], 0.42),
    ]


def suspect(kind: Kind, rank: int, classes: list[str], rng: random.Random) -> Suspect:
    """A suspect; each third has a near duplicate."""
    given, suggested = rng.sample(classes, 2)
    shown = row(kind, 37 * rank, given, rng)
    twin = replace(row(kind, 37 * rank + 5, suggested, rng), cells=shown.cells) if rank % 3 == 0 else None
    return Suspect(
        rank=rank,
        shown=shown,
        score=1 / rank,
        suggested=suggested,
        probability=0.995 - rank / 60,
        given_probability=0.004 + rank / 200,
        reason=f"The model holds it for {suggested}" + (", and a near duplicate has another label." if twin else "."),
        unusual={"radius": f"larger than 99 % of the rows labelled {given}"} if kind == "table" else {},
        twin=twin,
    )


def row(kind: Kind, number: int, given: str, rng: random.Random) -> Row:
    """A row of a kind."""
    names = ("id", "site", "grade", "radius", "texture", "area", "smoothness", "compactness", "symmetry", "age")
    cells = {
        "table": {name: f"{100 * rng.random():.4g}" for name in (*names, *(f"feature_{i}" for i in range(6)))},
        "texts": {"text": rng.choice(TEXTS)},
        "arrays": {str(column): f"{rng.gauss(0, 1):.3f}" for column in range(6)},
    }
    name = f"{given}/{number:05}.png" if kind == "images" else ""
    picture = drawn(rng) if kind == "images" else ""
    return Row(number, name, given, cells.get(kind, {}), picture)


def drawn(rng: random.Random) -> str:
    """A small picture as a data URI."""
    colours = [tuple(rng.randrange(256) for _ in range(3)) for _ in range(16)]
    image = Image.new("RGB", (4, 4))
    image.putdata(colours)
    stream = BytesIO()
    image.resize((96, 96), Image.Resampling.BICUBIC).save(stream, "PNG")
    return f"data:image/png;base64,{b64encode(stream.getvalue()).decode()}"


def hostile_audit() -> Audit:
    """An audit in which every name, label, cell and note is hostile."""
    classes = [HOSTILE, f"={HOSTILE}", "plain", ""]
    audit = made_up_audit("table", 2)
    held = Row(3, HOSTILE, HOSTILE, {HOSTILE: HOSTILE, "fine": "1"}, "")
    suspects = [
        replace(
            audit.suspects[0], shown=held, suggested=classes[1], reason=HOSTILE, unusual={HOSTILE: HOSTILE}, twin=held
        ),
        replace(audit.suspects[1], shown=replace(held, row=4, given="plain"), suggested=""),
    ]
    planted = Planted(0.05, 100, 1, [Contender(HOSTILE, [0.9], [0.5], 1.0)])
    return replace(
        audit,
        data=HOSTILE,
        label=HOSTILE,
        classes=classes,
        method=HOSTILE,
        chosen=HOSTILE,
        planted=planted,
        matrix=[[0, 3, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]],
        suspects=suspects,
        notes=[HOSTILE],
    )
