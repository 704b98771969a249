"""Every work runs on every network, on the sizes that are published, and goals name works that exist."""

import numpy as np
import pytest
import torch

from influence_bench.bench.speed.networks import NETWORKS, network
from influence_bench.bench.speed.peers.peer import peers
from influence_bench.bench.speed.works import EPOCH, FORWARD, LAST_NORMS, NORMS, works


@pytest.mark.parametrize(
    ("name", "rows"), [("mlp", 40), ("small-resnet", 4), ("transformer", 2), ("language-model", 2)]
)
def test_every_work_gives_finite_scores(name, rows):
    problem = network(name).problem(rows)
    for work in works(network(name)):
        scores = work.prepare(problem)()
        if isinstance(scores, dict):
            assert [(key, part.shape) for key, part in scores.items()] == [
                (key, parameter.shape) for key, parameter in problem.model.named_parameters()
            ]
            scores = torch.cat([part.flatten() for part in scores.values()])
        elif work.name not in (FORWARD, EPOCH):
            assert len(scores) == rows
        assert np.isfinite(np.asarray(scores)).all()


def test_the_largest_network_gives_finite_scores():
    problem = network("resnet-18").problem(2)
    cheap = [work.prepare(problem) for work in works(network("resnet-18")) if work.name in (LAST_NORMS, NORMS)]
    assert all(np.isfinite(np.asarray(run())).all() for run in cheap)


def test_sizes_of_the_networks():
    sizes = {name: sum(p.numel() for p in entry.build().parameters()) for name, entry in NETWORKS.items()}
    assert sizes == {
        "mlp": 235_146,
        "small-resnet": 308_650,
        "transformer": 1_203_338,
        "resnet-18": 11_173_962,
        "language-model": 5_066_752,
    }


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_goals_and_peers_name_works_that_exist(network):
    names = {work.name for work in works(network)}
    assert {name for work in works(network) for name in work.goal} <= names
    assert {peer.work for peer in peers()} <= names


def test_inner_products_are_the_same_with_a_direction_made_before_or_within():
    problem = network("mlp").problem(20)
    work = next(work for work in works(network("mlp")) if work.prepare_for_peers)
    assert torch.equal(work.prepare(problem)(), work.prepare_for_peers(problem)())
