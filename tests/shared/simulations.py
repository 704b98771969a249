"""Boards with a known truth: how often intervals cover it, and how often verdicts contradict it.

`python tests/shared/simulations.py` writes the tables of reports/published/certainty.md anew, in two or three minutes.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit, stdtrit

from influence_bench.reports.markdown import table as markdown
from influence_bench.reports.statistics.comparisons import ALPHA, Lead, lead
from influence_bench.reports.statistics.estimates import LEVEL, POWER, freedom, spread

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
Deviations = Callable[[np.random.Generator, int, int], Array]
PAGE = Path(__file__).resolve().parents[2] / "reports" / "published" / "certainty.md"
MARKED = re.compile(r"(<!-- begin: simulation (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
DESIGNS = {
    f"{problems} × {seeds}": np.full(problems, seeds) for problems, seeds in ((1, 5), (3, 3), (4, 5), (5, 2), (10, 5))
}
ROWS = (2, 5, 20, 60)
AT_ONCE = 200  # boards


def even(_: np.random.Generator, rows: int, problems: int) -> Array:
    return np.ones((rows, problems))


def over_problems(_: np.random.Generator, rows: int, problems: int) -> Array:
    return np.ones((rows, 1)) * np.geomspace(1, 10, problems)


def on_one_problem(_: np.random.Generator, rows: int, problems: int) -> Array:
    return np.ones((rows, 1)) * np.r_[10.0, np.ones(problems - 1)]


def over_rows(_: np.random.Generator, rows: int, problems: int) -> Array:
    return np.geomspace(1, 10, rows)[:, None] * np.ones(problems)


def over_both(rng: np.random.Generator, rows: int, problems: int) -> Array:
    return over_rows(rng, rows, problems) * on_one_problem(rng, rows, problems)


def anyhow(rng: np.random.Generator, rows: int, problems: int) -> Array:
    return np.exp(rng.normal(size=(rows, problems)))


@dataclass(frozen=True)
class Noise:
    """How the values of a board vary over seeds.

    Attributes:
        deviations: standard deviations (rows, problems), from a generator and these two numbers.
        factors: hidden factors that rows share on a problem and seed, by weights of their own.
        common: standard deviation of what moves all rows together on a problem and seed.
    """

    deviations: Deviations
    factors: int = 0
    common: float = 0.0

    def draw(self, rng: np.random.Generator, rows: int, seeds: Counts) -> Array:
        """Values (boards, rows, cells) around 0, problem after problem."""
        cells = int(seeds.sum())
        values = rng.normal(size=(AT_ONCE, rows, cells))
        if self.factors:
            weights = rng.normal(size=(rows, self.factors)) / np.sqrt(self.factors)
            values = 0.6 * values + 0.8 * weights @ rng.normal(size=(AT_ONCE, self.factors, cells))
        values *= np.repeat(self.deviations(rng, rows, len(seeds)), seeds, axis=1)
        return values + self.common * rng.normal(size=(AT_ONCE, 1, cells))


NOISES = {
    "equal": Noise(even),
    "1 to 10 over the problems": Noise(over_problems),
    "10 on one problem, else 1": Noise(on_one_problem),
    "1 to 10 over the rows": Noise(over_rows),
    "both of these": Noise(over_both),
    "of each row and problem its own": Noise(anyhow),
    "equal, three hidden factors": Noise(even, factors=3),
    "10 on one problem, else 1; seeds move all rows by 20": Noise(on_one_problem, common=20.0),
}


def all_equal(rows: int) -> Array:
    """True means in standard errors of a difference."""
    return np.zeros(rows)


def some_equal(rows: int) -> Array:
    """A third of the rows, at least two, are the best, and the others lie up to ten standard errors below."""
    best = max(2, rows // 3)
    return np.r_[np.zeros(best), -np.linspace(0.5, 10, rows - best)]


def drawn(
    noise: Noise, truth: Callable[[int], Array], rows: int, seeds: Counts, boards: int
) -> Iterator[tuple[Array, Array]]:
    """Values (boards, rows, cells) and true means (rows,), some boards at a time."""
    rng = np.random.default_rng(0)
    first = noise.draw(rng, rows, seeds)
    error = np.sqrt(spread(first[:, 0] - first[:, -1], seeds)[1].sum(axis=-1).mean())
    means = truth(rows) * error
    for _ in range(boards // AT_ONCE):
        yield noise.draw(rng, rows, seeds) + means[:, None], means


@dataclass(frozen=True)
class Outcome:
    """Shares of boards.

    Attributes:
        alarms: with a row that is as good as the best, yet judged worse.
        covered: whose intervals of the differences to the leader all hold.
    """

    alarms: float
    covered: float


def outcome(noise: Noise, truth: Callable[[int], Array], rows: int, seeds: Counts, boards: int = 4000) -> Outcome:
    """What the verdicts on simulated boards are worth."""
    alarms, covered = [], []
    for values, means in drawn(noise, truth, rows, seeds, boards):
        leader = spread(values, seeds)[0].argmax(axis=-1)
        best = lead(values, seeds, leader)
        alarms.append((best.worse & (means == means.max())).any(axis=-1))
        covered.append(_holds(best, means[leader][:, None] - means).all(axis=-1))
    return Outcome(float(np.mean(alarms)), float(np.mean(covered)))


def _holds(best: Lead, ahead: Array) -> NDArray[np.bool_]:
    """Whether each interval holds the true difference; if its row is worse and it ends at 0, it does not hold 0."""
    low, high = best.interval
    return np.where(best.worse, ahead > low, ahead >= low - 1e-9) & (ahead <= high + 1e-9)


def ranked(noise: Noise, rows: int, seeds: Counts, boards: int = 1000) -> tuple[float, float, float]:
    """Shares of intervals of ranks that hold: of the leader; of the row for which this is least; of all rows at once.

    Rows that are equal share all their ranks, and an interval holds if it holds all of these.
    """
    holds, leaders = [], []
    for values, means in drawn(noise, some_equal, rows, seeds, boards):
        worse = np.stack([lead(values, seeds, np.full(AT_ONCE, row)).worse for row in range(rows)], axis=1)
        wrong = worse & (means[:, None] <= means)
        right = ~(wrong.any(axis=1) | wrong.any(axis=2))
        leader = spread(values, seeds)[0].argmax(axis=-1)
        holds.append(right)
        leaders.append(right[np.arange(AT_ONCE), leader])
    every = np.concatenate(holds)
    return float(np.mean(leaders)), float(every.mean(axis=0).min()), float(every.all(axis=-1).mean())


def visible(candidates: int, seeds: Counts, boards: int = 4000) -> float:
    """The true lead over a row that is shown with 80 %, in standard deviations of one paired difference.

    All rows have equal noise, and the leader is one of some candidates that are equally good.
    """
    far = np.r_[np.zeros(candidates), -100.0]
    needed = []
    for values, means in drawn(NOISES["equal"], lambda _: far, len(far), seeds, boards):
        best = lead(values, seeds, np.zeros(AT_ONCE, dtype=np.int64))
        reach = -stdtrit(best.freedom[:, -1], ALPHA / best.comparisons) * best.error[:, -1]
        needed.append(reach - (best.mean[:, -1] + means[-1]))
    return float(np.quantile(np.concatenate(needed), POWER)) / np.sqrt(2)


def coverage(deviations: Deviations, seeds: Counts, boards: int = 20000) -> float:
    """How often Student's interval of a mean holds the true mean of normal values."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(boards, seeds.sum())) * np.repeat(deviations(rng, 1, len(seeds))[0], seeds)
    mean, shares = spread(values, seeds)
    return float((np.abs(mean) <= _reach(shares, seeds)).mean())


def coverage_near_one(seeds: Counts, deviation: float, on_logit: bool = True, boards: int = 20000) -> float:
    """How often the interval of a mean holds 0.99, the true mean of values of a beta distribution."""
    true = 0.99
    weight = true * (1 - true) / deviation**2 - 1
    values = np.random.default_rng(0).beta(true * weight, (1 - true) * weight, (boards, seeds.sum()))
    mean, shares = spread(values, seeds)
    reach = _reach(shares, seeds)
    if on_logit:
        return float((np.abs(logit(mean) - logit(true)) <= reach / (mean * (1 - mean))).mean())
    return float((np.abs(mean - true) <= reach).mean())


def _reach(shares: Array, seeds: Counts) -> Array:
    reach: Array = stdtrit(freedom(shares, seeds), (1 + LEVEL) / 2) * np.sqrt(shares.sum(axis=-1))
    return reach


def new_problems(problems: int, rows: int, by_problem: bool, boards: int = 2000) -> float:
    """False alarms where rows are equal on average over all problems, but each problem suits some rows more.

    Args:
        by_problem: take problems for the sample, not the three seeds of each.
    """
    rng, seeds = np.random.default_rng(0), np.full(problems, 3)
    alarms = []
    for _ in range(boards // AT_ONCE):
        suits = np.repeat(rng.normal(size=(AT_ONCE, rows, problems)), seeds, axis=-1)
        values = suits + 0.5 * rng.normal(size=suits.shape)
        if by_problem:
            values = values.reshape(AT_ONCE, rows, problems, 3).mean(axis=-1)
        sample = np.array([problems]) if by_problem else seeds
        leader = spread(values, sample)[0].argmax(axis=-1)
        alarms.append(lead(values, sample, leader).worse.any(axis=-1))
    return float(np.mean(alarms))


def tables() -> dict[str, pd.DataFrame]:
    """The tables of the page, by name."""
    equal, some = _outcomes(all_equal, ROWS), _outcomes(some_equal, ROWS[1:])
    return {
        "intervals": _by_design(
            {
                "normal, equal": lambda seeds: coverage(even, seeds),
                "normal, 1 to 10 over the problems": lambda seeds: coverage(over_problems, seeds),
                "normal, 10 on one problem, else 1": lambda seeds: coverage(on_one_problem, seeds),
                "beta, 0.99 ± 0.003": lambda seeds: coverage_near_one(seeds, 0.003),
                "beta, 0.99 ± 0.009": lambda seeds: coverage_near_one(seeds, 0.009),
                "beta, 0.99 ± 0.009, without the logit": lambda seeds: coverage_near_one(seeds, 0.009, on_logit=False),
            }
        ),
        "alarms_equal": _shares(equal, "alarms"),
        "alarms_some": _shares(some, "alarms"),
        "differences_equal": _shares(equal, "covered"),
        "differences_some": _shares(some, "covered"),
        "ranks": pd.DataFrame(
            {"design": design, "noise": name, "of the leader": leader, "of any row": row, "of all rows": every}
            for design, seeds in DESIGNS.items()
            for name in ("equal", "both of these")
            for leader, row, every in [map(_percent, ranked(NOISES[name], 20, seeds))]
        ),
        "power": _by_design(
            {
                f"{candidates} row{'s' if candidates > 1 else ''} that may be best": (
                    lambda seeds, n=candidates: visible(n, seeds)
                )
                for candidates in (1, 5, 20)
            },
            "{:.2f}".format,
        ),
        "problems": pd.DataFrame(
            {
                "problems": problems,
                "rows": rows,
                "problems are the sample": _percent(new_problems(problems, rows, True)),
                "seeds are the sample": _percent(new_problems(problems, rows, False)),
            }
            for problems in (8, 20)
            for rows in ROWS
        ),
    }


def _outcomes(truth: Callable[[int], Array], rows: Sequence[int]) -> dict[tuple[str, str], list[Outcome]]:
    return {
        (name, design): [outcome(noise, truth, number, seeds) for number in rows]
        for name, noise in NOISES.items()
        for design, seeds in DESIGNS.items()
    }


def _shares(outcomes: dict[tuple[str, str], list[Outcome]], what: str) -> pd.DataFrame:
    texts = {key: ", ".join(_percent(getattr(one, what)) for one in row) for key, row in outcomes.items()}
    return pd.Series(texts).unstack(sort=False).rename_axis("noise").reset_index()


def _by_design(
    figures: dict[str, Callable[[Counts], float]], text: Callable[[float], str] | None = None
) -> pd.DataFrame:
    shown = text or _percent
    return pd.DataFrame(
        {"": name} | {design: shown(figure(seeds)) for design, seeds in DESIGNS.items()}
        for name, figure in figures.items()
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


if __name__ == "__main__":
    computed = tables()
    page = PAGE.read_text()
    PAGE.write_text(MARKED.sub(lambda match: f"{match[1]}{markdown(computed[match[2]])}\n{match[3]}", page))
