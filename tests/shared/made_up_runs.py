"""Runs that hold what a test gives them, for tests of what reports make of runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from influence_bench.bench.registry.arguments import bracketed
from influence_bench.bench.results.records import CellRecord, Cost, ProblemRecord, Provenance, RunInfo, SuiteRecord
from influence_bench.bench.results.run import Run
from influence_bench.bench.results.specs import ProblemSpec

FAMILIES = {"el2n": "gradient norm", "loss": "label quality", "tracin": "gradient tracing", "random": "control"}
METHODS = ["el2n", "loss", "outlier-gradient[detector=l1]", "tracin", "random"]
DATASETS = ["digits", "blobs", "half-moons", "breast-cancer"]
SPEC = ProblemSpec("digits", "mlp", "symmetric", 0.2)
PROVENANCE = Provenance(
    command="influence-bench run quick",
    created="2026-11-23T20:00:00",
    machine={"processor": "a processor", "cores": 2, "memory_bytes": 8_000_000_000, "accelerator": None},
    device="cpu",
    workers=2,
    threads_per_worker=1,
    versions={"numpy": "2.4.6", "torch": "2.9.0"},
    code="0123abcd",
    commit="c0ffee",
)


def info(suite: str = "quick", views: bool = False, **changes: Any) -> RunInfo:
    """A run's record; changes are of its provenance."""
    title = "Quick: flipped labels" if suite == "quick" else suite
    return RunInfo(SuiteRecord(suite, title, (SPEC,), views=views), replace(PROVENANCE, **changes))


@dataclass(frozen=True)
class MadeUpRun(Run):
    """A run without a folder.

    Attributes:
        table: as `frame` returns it.
        trainings: as `trimmed` returns them.
        scores_of: scores by slug of the problem and row.
        truths: by slug of the problem.
        specs: by slug of the problem; others are read from the slug, as `DATASET-seed0`.
        commands: that retrained models, with their provenance.
    """

    folder: Path = Path("nowhere")
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    trainings: pd.DataFrame = field(default_factory=pd.DataFrame)
    scores_of: Mapping[str, dict[str, np.ndarray]] = field(default_factory=dict)
    truths: Mapping[str, np.ndarray] = field(default_factory=dict)
    record: RunInfo = field(default_factory=info)
    commands: Mapping[str, Provenance] = field(default_factory=dict)

    @property
    def info(self) -> RunInfo:
        return self.record

    @property
    def trims(self) -> dict[str, Provenance]:
        return dict(self.commands)

    def frame(self) -> pd.DataFrame:
        return self.table

    def trimmed(self) -> pd.DataFrame:
        return self.trainings

    def cells(self) -> list[CellRecord]:
        """A cell for each row of the frame, of the trainings and of the scores."""
        rows = [] if self.table.empty else list(self.table["method"].unique())
        rows += [] if self.trainings.empty else list(self.trainings["removal"].unique())
        rows += [row for scores in self.scores_of.values() for row in scores]
        return [cell(row, "digits-seed0") for row in dict.fromkeys(rows) if not row.startswith(("none", "oracle"))]

    def problem(self, slug: str) -> ProblemRecord:
        dataset, _, seed = slug.rpartition("-seed")
        return problem(replace(SPEC, dataset=dataset, seed=int(seed)))

    def scores_by_problem(self) -> dict[str, dict[str, np.ndarray]]:
        return dict(self.scores_of)

    def truth(self, slug: str) -> np.ndarray:
        return self.truths[slug]


def cell(row: str, slug: str, cost: Cost | None = None, **changes: Any) -> CellRecord:
    """The record of a cell that ended well."""
    name, hyperparameters = bracketed(row, "row")
    known: dict[str, Any] = {
        "method": row,
        "name": name,
        "family": FAMILIES.get(name, "outlier gradient"),
        "uses": [],
        "pairwise": name.startswith("pairwise"),
        "hyperparameters": hyperparameters,
        "problem": slug,
        "depends_on": {},
        "status": "ok",
        "cost": cost,
    }
    return CellRecord(**known | changes)


def problem(spec: ProblemSpec = SPEC, n_train: int = 1000, parameters: int = 100) -> ProblemRecord:
    return ProblemRecord(spec, 0.2, n_train, parameters, 0.9, "nowhere", {})


def frame(methods: Sequence[str] = METHODS, datasets: Sequence[str] = DATASETS, seeds: int = 3) -> pd.DataFrame:
    """Plausible cells: each method worse than the one before, `random` at chance, costs over four powers of ten."""
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product([methods, datasets, range(seeds)], names=["method", "dataset", "seed"])
    cells = index.to_frame(index=False)
    name = cells["method"].str.partition("[")[0]
    place = cells["method"].map({method: i for i, method in enumerate(methods)})
    auc = np.where(name == "random", 0.5, 0.97 - 0.45 * place / len(methods)) + rng.normal(0, 0.008, len(cells))
    seconds = np.where(name == "random", 1e-4, 10 ** (place * 7 % 5 - 2.0)) * rng.uniform(0.9, 1.1, len(cells))
    return cells.assign(
        name=name,
        family=name.map(FAMILIES).fillna("outlier gradient"),
        uses=np.where(name == "tracin", "checkpoints,validation", ""),
        pairwise=False,
        problem=cells["dataset"] + " · symmetric 20 % · mlp",
        noise="symmetric",
        rate=0.2,
        model="mlp",
        n_train=1000,
        **dict.fromkeys(("roc_auc", "average_precision", "precision_at_k", "recall_at_k"), auc),
        ndr_at_10=auc / 3,
        ndr_at_30=auc / 1.2,
        **dict.fromkeys(("seconds", "cpu_seconds", "gradients_seconds", "score_seconds"), seconds),
        retrain_seconds=0.0,
        warmup_seconds=0.3,
        epoch_seconds=0.1,
        epochs=seconds / 0.1,
        epoch_drift=0.05,
        step_spread=0.1,
        limit_seconds=600.0,
        limit_bytes=4 * 2**30,
        peak_bytes=3e6 * (1 + seconds),
        model_accuracy=0.9,
        status="ok",
        error="",
        notes="",
    )


def with_short_epochs(cells: pd.DataFrame, *datasets: str) -> pd.DataFrame:
    """The cells, with epochs of a millisecond on some datasets."""
    short = cells["dataset"].isin(datasets)
    seconds = cells["epoch_seconds"].mask(short, 0.001)
    return cells.assign(epoch_seconds=seconds, epochs=cells["epochs"] * cells["epoch_seconds"] / seconds)


def failing(cells: pd.DataFrame, rows: Any, status: str, error: str) -> pd.DataFrame:
    """The cells, some rows without any result."""
    lost = ["roc_auc", "average_precision", "precision_at_k", "recall_at_k", "seconds", "epochs", "peak_bytes"]
    cells.loc[rows, lost] = np.nan
    cells.loc[rows, ["status", "error"]] = status, error
    return cells


def retrained(budgets: Sequence[str] = ("5%", "true"), trainings: int = 3) -> pd.DataFrame:
    """Trainings without suspects: trimming by `loss` gains half a point, by `el2n` nothing."""
    rng = np.random.default_rng(0)
    worth = {"none": 0.0, "none, unshuffled": 0.0, "random": 0.0, "oracle": 0.01, "loss": 0.005, "el2n": 0.0}
    rows = []
    for removal, budget, seed in product(worth, budgets, range(trainings)):
        k = 0 if removal.startswith("none") else 200 if budget == "true" else 50
        accuracy = 0.9 + worth[removal] + rng.normal(0, 1e-5)
        row = {"problem": "digits · mlp", "problem_seed": 0, "n_train": 1000, "removal": removal, "seed": seed, "k": k}
        row |= {"budget": budget if k else "", "wrong_labels": k // 2, "accuracy": accuracy}
        rows.append(row | {"accuracy_by_epoch": [0.2, 0.8, 0.89, accuracy]})
    return pd.DataFrame(rows).drop_duplicates(["removal", "budget", "seed"])


def run_of_rows(
    aucs: Mapping[str, float] | None = None,
    accuracies: Mapping[tuple[str, str], float] | None = None,
    wrong: Mapping[str, float] | None = None,
    dataset: str = "images",
    **more: Any,
) -> MadeUpRun:
    """A run with a ROC-AUC for each row, and an accuracy and a share of wrong labels for each removal at a budget.

    Each figure moves by ±0.001 over three seeds, the same way for every row, so that differences are exact.
    """
    moves = (-0.001, 0.0, 0.001)
    cells = [
        {"method": row, "dataset": dataset, "problem": f"{dataset} · none", "seed": seed}
        | dict.fromkeys(("roc_auc", "recall_at_k"), auc + move)
        for row, auc in (aucs or {}).items()
        for seed, move in enumerate(moves)
    ]
    arms = [
        {
            "problem": f"{dataset} · none",
            "problem_seed": seed,
            "n_train": 1000,
            "seed": 0,
            "removal": removal,
            "budget": budget,
            "k": 100,
            "wrong_labels": round(100 * (wrong or {}).get(removal, 0)) + seed,
            "accuracy": accuracy + move,
            "accuracy_by_epoch": [accuracy + move + 0.02, accuracy + move],
        }
        for (removal, budget), accuracy in (accuracies or {}).items()
        for seed, move in enumerate(moves)
    ]
    return MadeUpRun(table=pd.DataFrame(cells), trainings=pd.DataFrame(arms), **more)


def arms_at(budget: str, **accuracies: float) -> dict[tuple[str, str], float]:
    """Accuracies of removals at a budget; `oga`, `l2` and `unshuffled` are short for the rows of these."""
    names = {"oga": "outlier-gradient", "l2": "outlier-gradient[detector=l2]", "unshuffled": "none, unshuffled"}
    return {(names.get(name, name), budget): accuracy for name, accuracy in accuracies.items()}
