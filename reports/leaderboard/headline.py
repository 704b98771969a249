"""The sentences at the top of a report, made from its figures."""

from collections.abc import Mapping, Sequence

import pandas as pd

from ..statistics.comparisons import BEST, LIKE_THESE, NOT_SHOWN, WORSE
from ..style import interval, share
from .board import INCOMPLETE, Board
from .costs import price

NAMED = 5  # rows that a sentence names


def headline(board: Board) -> list[str]:
    """Which method wins, by how much, with what certainty and at what cost; one sentence each."""
    if not board.methods["finished"].any():
        return ["No cell finished: see the failures below."]
    complete = board.methods[board.methods["verdict"] != INCOMPLETE]
    if complete.empty:
        return ["No method finished all its cells, so none is compared with another.", *_controls(board)]
    return [_winner(board, complete), *_certainty(board, complete), *_incomplete(board), *_controls(board)]


def not_installed(left_out: Sequence[Mapping[str, list[str]]]) -> list[str]:
    """A sentence about the methods that are missing because a package is not installed; none if all are there.

    Args:
        left_out: of each run, the methods that were left out, by the package that they need.
    """
    methods = {package: names for by_package in left_out for package, names in by_package.items()}
    listed = [f"{package} ({', '.join(names)})" for package, names in methods.items()]
    return [f"Not installed, and so not on the board: {'; '.join(listed)}."] if listed else []


def _winner(board: Board, complete: pd.DataFrame) -> str:
    leader = complete.iloc[0]
    best = share(leader["roc_auc"]) + interval(leader["low"], leader["high"]).replace(", ", ",\N{NO-BREAK SPACE}")
    sought = "influential data" if board.pairwise else "wrong labels"
    alone = len(board.methods) > 1 and set(board.methods["verdict"]) <= {BEST, WORSE}
    verb = f"finds {sought} best here" if alone else f"has the highest mean here in finding {sought}"
    verb = verb if len(board.methods) > 1 else "is the only method here"
    cost = price(leader, board.cells)
    return f"{leader['method']} {verb}: ROC-AUC {best} {_over(board)}{cost and f', for the price of {cost}'}."


def _over(board: Board) -> str:
    seeds = board.seeds
    problems = _count(len(seeds), "problem")
    if min(seeds) < max(seeds):
        return f"on average over {problems} with {min(seeds)} to {max(seeds)} seeds"
    return f"{'on average over' if sum(seeds) > 1 else 'on'} {problems} × {_count(seeds[0], 'seed')}"


def _certainty(board: Board, complete: pd.DataFrame) -> list[str]:
    """What the seeds show about these problems, and what the problems show about others."""
    if min(board.seeds) < 2:
        return ["One seed does not show the spread: no interval, and no claim that one method beats another."]
    if len(complete) < 2:
        return []
    these = "these problems" if len(board.seeds) > 1 else "this problem"
    here = f"On {these}, over seeds, {_shown(complete, 'verdict')}"
    if (open_rows := complete[complete["verdict"] == NOT_SHOWN]).size:
        named = [f"{row['method']} ({row['visible']:.3f})" for _, row in open_rows.head(NAMED).iterrows()]
        more = f" and {len(open_rows) - NAMED} more" if len(open_rows) > NAMED else ""
        here += f"; not shown to be worse (in brackets the lead that would be seen with 80 %): {', '.join(named)}{more}"
    if "new_problems_verdict" not in complete:
        return [
            f"{here}.",
            f"Whether this holds on problems like {these.split()[0]} cannot be told from "
            f"{_count(len(board.seeds), 'problem')}: that takes at least {LIKE_THESE}.",
        ]
    return [
        f"{here}.",
        f"On problems like these, with the problems as the sample, {_shown(complete, 'new_problems_verdict')}.",
    ]


def _shown(complete: pd.DataFrame, verdict: str) -> str:
    worse, others = int((complete[verdict] == WORSE).sum()), len(complete) - 1
    if worse == others:
        return "every other method is shown to be worse" if others > 1 else "the other method is shown to be worse"
    return f"{worse or 'none'} of the {others} other methods {'is' if worse == 1 else 'are'} shown to be worse"


def _incomplete(board: Board) -> list[str]:
    rows = list(board.methods.loc[board.methods["verdict"] == INCOMPLETE, "method"])
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    return [f"Not compared, since cells failed or are missing: {', '.join(rows[:NAMED])}{more}."] if rows else []


def _controls(board: Board) -> list[str]:
    controls = board.methods[board.methods["family"] == "control"]
    if controls.empty or len(controls) == len(board.methods):
        return []
    return [
        f"Controls: {', '.join(f'{name} {share(auc)}' for name, auc in controls[['method', 'roc_auc']].to_numpy())}."
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("s" if number != 1 else "")
