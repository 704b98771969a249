"""The process of a peer: `python -m influence_bench.bench.speed.peer_process PEER NETWORK ROWS DEVICE`.

It prepares the problem once, calls the peer for each question, and answers with the scores and their time, or with the
error. Its heap is frozen before each call, since some libraries collect garbage at every step and would be charged for
all that the process has imported.
"""

import gc
import sys
from dataclasses import replace
from functools import partial

from ..instruments import memory
from ..instruments.machine import describe
from ..problem.problem import Problem
from ..processes import serve
from ..records import line, record
from .networks import network
from .peers.peer import PEERS, Peer
from .times import one_thread, timed


@record
class Answer:
    """The result of a call: scores and their time in seconds, or an error in one line."""

    scores: list[float]
    seconds: float = 0.0
    priced_seconds: float = 0.0
    error: str = ""


def main(peer: Peer, network_name: str, rows: int, device: str) -> None:
    """Answer until the questions end, with at most half of the machine's memory."""
    with one_thread():
        problem = replace(network(network_name), device=device).problem(rows)
        memory.limit((describe()["memory_bytes"] or 2**36) // 2)
        serve(lambda _: line(answer(peer, problem)))


def answer(peer: Peer, problem: Problem) -> Answer:
    """Call a peer once."""
    gc.freeze()
    try:
        scores, time = timed(partial(peer.scores, problem), str(problem.device))
    except Exception as error:  # a peer's failure is a result
        return Answer([], error=" ".join(f"{type(error).__name__}: {error}".split()))
    return Answer(scores.tolist(), *time)


if __name__ == "__main__":
    main(PEERS.find(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
