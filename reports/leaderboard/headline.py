"""The sentences at the top of a report, made from its figures."""

from collections.abc import Sequence
from math import ceil, isnan
from typing import Any

import pandas as pd

from ..statistics import pairs_needed
from ..style import amount, share
from .board import Board
from .markdown import interval


def headline(board: Board) -> list[str]:
    """Which method wins, by how much, with what certainty and at what cost; one sentence each."""
    leader = board.methods.iloc[0]
    if not board.methods["finished"].any():
        return ["No cell finished: see the failures below."]
    return [_winner(board, leader), *_certainty(board), *_control(board)]


def not_installed(infos: Sequence[dict[str, Any]]) -> list[str]:
    """Which methods the runs left out for want of a package; a sentence, or none."""
    lacking = {package: rows for info in infos for package, rows in info.get("not_installed", {}).items()}
    named = [f"{package} ({', '.join(rows)})" for package, rows in lacking.items()]
    return [f"Not installed, and so not on the board: {'; '.join(named)}."] if named else []


def _winner(board: Board, leader: pd.Series) -> str:
    best = share(leader["roc_auc"]) + interval(leader["low"], leader["high"]).replace(", ", ",\N{NO-BREAK SPACE}")
    sought = "influential data" if board.pairwise else "wrong labels"
    verb = f"finds {sought} best here" if len(board.methods) > 1 else "is the only method here"
    price = "" if isnan(leader["epochs"]) else f", for the price of {amount(leader['epochs'])} training epochs"
    return f"{leader['method']} {verb}: ROC-AUC {best} {_over(board)}{price}."


def _over(board: Board) -> str:
    seeds = board.seeds
    problems = _count(len(seeds), "problem")
    if min(seeds) < max(seeds):
        return f"on average over {problems} with {min(seeds)} to {max(seeds)} seeds"
    return f"{'on average over' if sum(seeds) > 1 else 'on'} {problems} × {_count(seeds[0], 'seed')}"


def _certainty(board: Board) -> list[str]:
    methods, seeds = board.methods, board.seeds
    if min(seeds) < 2:
        return ["One seed tells nothing of the spread: no interval, and no claim that one method beats another."]
    if len(methods) < 2:
        return []
    if not board.claims:
        needed = max(2, ceil(pairs_needed(len(methods)) / len(seeds)))
        return [
            f"No claim that one method beats another: {_count(sum(seeds), 'pair')} of problem and seed are too few to "
            f"tell {len(methods)} methods apart; {needed} seeds could."
        ]
    tied = list(methods.loc[methods["verdict"] == "tied with the best", "method"])
    if not tied:
        return ["Every other method is significantly worse."]
    more = f" and {len(tied) - 4} more" if len(tied) > 5 else ""
    return [f"Not distinguishable from it: {', '.join(tied[:4] if more else tied)}{more}."]


def _control(board: Board) -> list[str]:
    random = board.methods.loc[board.methods["name"].isin(["random", "pairwise-random"]), "roc_auc"]
    return [f"Random guessing: {share(value)}." for value in random if len(board.methods) > 1]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("s" if number != 1 else "")
