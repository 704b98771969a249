"""Peers compared with our own work: called in turn with it, each in a process of its own.

The process favours the peer: its heap is frozen, and its allocator keeps what is freed; without that, page faults would
be most of the time of peers that form gradients. Our work runs in this process as it is.
"""

from contextlib import closing
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from scipy.stats import spearmanr

from ..problem.problem import Problem, Scores
from ..processes import EndedError, Server
from ..progress import Progress
from ..records import parsed
from . import peer_process
from .networks import Network
from .peers.peer import Peer, peers
from .times import Time, one_thread, timed, tracked
from .works import Work, works

ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**31),
    "MALLOC_TOP_PAD_": str(2**28),
}
CALL_SECONDS = 300.0  # of wall time, after which a peer's call is stopped
ENOUGH_SECONDS = 30  # of a peer's calls, after which there are no more


class PeerError(Exception):
    """A peer failed; the message says how in one line."""


@dataclass(frozen=True)
class Comparison:
    """A peer compared with our work.

    Attributes:
        work: its name.
        peer: the peer's name.
        version: of the peer's library.
        differs: how the peer's scores differ from ours, "" if they do not.
        times: of the peer's calls.
        ours: times of our calls, each made after a call of the peer.
        factor: the peer's median time over ours, by the clock of the device; None if the peer failed.
        spearman: rank correlation of the peer's scores with ours; None if the peer failed.
        error: how the peer failed, "" if it did not.
    """

    work: str
    peer: str
    version: str
    differs: str
    times: list[Time]
    ours: list[Time]
    factor: float | None = None
    spearman: float | None = None
    error: str = ""


def compare_peers(network: Network, progress: Progress) -> list[Comparison]:
    """Compare every installed peer with our work on a network."""
    pairs = [(work, peer) for work in works(network) for peer in peers(work.name) if peer.installed]
    progress.stage(f"{network.name}: peers", len(pairs))
    with one_thread():
        problem = network.problem()
        return [tracked(progress, peer.key, compare, work, peer, network, problem) for work, peer in pairs]


def compare(work: Work, peer: Peer, network: Network, problem: Problem) -> Comparison:
    """Call a peer and our work in turn on the same problem. A peer's failure is a result.

    A first call of each warms up; it counts only if the peer's takes longer than `ENOUGH_SECONDS`.
    """
    ours = (work.prepare_for_peers or work.prepare)(problem)
    result = Comparison(work.name, peer.name, peer.version, peer.differs, [], [])
    arguments = peer.key, network.name, str(len(problem.train)), network.device
    with closing(Server(peer_process.__name__, *arguments, environment=ALLOCATOR, quiet=True)) as server:
        try:
            (their_scores, first), our_scores = _called(server), np.asarray(ours())
            if first.seconds > ENOUGH_SECONDS:
                result.times.append(first)
                result.ours.append(timed(ours, network.device)[1])
            while len(result.times) < network.repeats and sum(t.seconds for t in result.times) < ENOUGH_SECONDS:
                result.times.append(_called(server)[1])
                result.ours.append(timed(ours, network.device)[1])
        except (EndedError, PeerError) as error:
            return replace(result, error=str(error))
    theirs_cpu, ours_cpu = (median(time.priced_seconds for time in times) for times in (result.times, result.ours))
    return replace(result, factor=theirs_cpu / ours_cpu, spearman=float(spearmanr(their_scores, our_scores)[0]))


def _called(server: Server) -> tuple[Scores, Time]:
    """The scores of a peer's call and its time.

    Raises:
        PeerError: if the peer raised an error.
        EndedError: if its process died, or took longer than `CALL_SECONDS`.
    """
    answer = parsed(peer_process.Answer, server.ask("score", CALL_SECONDS), "the answer of a peer")
    if answer.error:
        raise PeerError(answer.error)
    return np.asarray(answer.scores), Time(answer.seconds, answer.priced_seconds)
