"""The sentences at the top of a report, made from its figures."""

from collections.abc import Mapping, Sequence
from math import ceil, isnan

import pandas as pd

from ..statistics.comparisons import pairs_needed
from ..style import amount, interval, share
from .board import Board

GUESSING = ("random", "pairwise-random")  # the names of the controls that score by chance


def headline(board: Board) -> list[str]:
    """Which method wins, by how much, with what certainty and at what cost; one sentence each."""
    leader = board.methods.iloc[0]
    if not board.methods["finished"].any():
        return ["No cell finished: see the failures below."]
    return [_winner(board, leader), *_certainty(board), *_guessing(board)]


def not_installed(left_out: Sequence[Mapping[str, list[str]]]) -> list[str]:
    """A sentence about the methods that are missing because a package is not installed; none if all are there.

    Args:
        left_out: of each run, the methods that were left out, by the package that they need.
    """
    methods = {package: names for by_package in left_out for package, names in by_package.items()}
    listed = [f"{package} ({', '.join(names)})" for package, names in methods.items()]
    return [f"Not installed, and so not on the board: {'; '.join(listed)}."] if listed else []


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
        return ["One seed does not show the spread: no interval, and no claim that one method beats another."]
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


def _guessing(board: Board) -> list[str]:
    aucs = board.methods.loc[board.methods["name"].isin(GUESSING), "roc_auc"]
    return [f"Random guessing: {share(auc)}." for auc in aucs if len(board.methods) > 1]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("s" if number != 1 else "")
