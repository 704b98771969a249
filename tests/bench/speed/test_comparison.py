"""A peer runs in a process of its own, in turn with our work; whatever happens there is a result, and no error."""

from dataclasses import replace

import numpy as np
import pytest

from influence_bench.bench.records import line, parsed
from influence_bench.bench.speed import comparison
from influence_bench.bench.speed.comparison import compare, compare_peers
from influence_bench.bench.speed.networks import network
from influence_bench.bench.speed.peer_process import Answer, answer
from influence_bench.bench.speed.peers.peer import Peer, peers
from influence_bench.bench.speed.works import LAST_NORMS, Work, works

MLP = network("mlp")
VMAP = next(peer for peer in peers(LAST_NORMS) if peer.name == "torch.func vmap")
NO_WORK = Work(LAST_NORMS, lambda problem: lambda: 0)


def test_a_peer_is_called_in_turn_with_our_work_and_gives_the_same_scores():
    work = next(work for work in works(MLP) if work.name == VMAP.work)
    result = compare(work, VMAP, replace(MLP, repeats=2), MLP.problem(40))
    assert (result.error, result.peer, len(result.times), len(result.ours)) == ("", "torch.func vmap", 2, 2)
    assert result.spearman > 0.999
    theirs, ours = (np.median([time.priced_seconds for time in times]) for times in (result.times, result.ours))
    assert result.factor == pytest.approx(theirs / ours)


def test_a_peer_that_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr(comparison, "CALL_SECONDS", 0.01)
    result = compare(NO_WORK, VMAP, MLP, MLP.problem(2))
    assert (result.error, result.factor, result.times) == ("stopped after 0.01 s", None, [])


def test_a_process_that_dies_is_a_result():
    stranger = replace(VMAP, name="no such peer")  # which its process does not find
    result = compare(NO_WORK, stranger, MLP, MLP.problem(2))
    assert (result.error, result.factor) == ("its process died with exit status 1", None)


def test_a_peer_that_raises_answers_with_its_error_in_one_line():
    def broken(problem, layers):
        raise KeyError("no\nsuch layer")

    result = answer(Peer("broken", broken, LAST_NORMS, "torch", ""), MLP.problem(2))
    assert result == Answer([], error=r"KeyError: 'no\nsuch layer'")


def test_an_answer_travels_bit_by_bit():
    sent = Answer([0.1 + 0.2, 1e-300, float("inf"), -0.0], 1.5, 0.25)
    received = parsed(Answer, line(sent), "the answer")
    assert received == sent
    assert np.array_equal(np.signbit(received.scores), np.signbit(sent.scores))
    assert np.isnan(parsed(Answer, line(Answer([float("nan")])), "the answer").scores[0])


def test_every_installed_peer_is_compared_with_the_work_that_it_does(shown, monkeypatch):
    monkeypatch.setattr(comparison, "compare", lambda work, peer, *_: (work.name, peer.key))
    compared = compare_peers(replace(MLP, rows=2), shown)
    assert compared == [(peer.work, peer.key) for work in works(MLP) for peer in peers(work.name) if peer.installed]
    assert ("DataInf, all layers", "torch.func vmap: DataInf, all layers") in compared
