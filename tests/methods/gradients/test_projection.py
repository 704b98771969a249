"""Random projections of gradients compared with explicit matrices in float64, and the statistics of their draws."""

import os
import subprocess
import sys
import warnings
from dataclasses import replace
from functools import partial

import pytest
import torch
from networks import CLOSED, FALLBACKS, mlp, naive, problem_of
from projections import explicit
from torch import nn

import influence_bench as ib
from influence_bench.methods.gradients import projection
from influence_bench.methods.gradients.forms import arithmetic, embedding, gradient
from influence_bench.methods.gradients.forms.convolution import Convolved
from influence_bench.methods.gradients.forms.embedding import Scattered
from influence_bench.methods.gradients.forms.outer import Outer
from influence_bench.methods.gradients.projection import Dense, Factored, Sparse
from influence_bench.methods.gradients.signs import key, places, signs, words
from influence_bench.methods.gradients.space import gradient_space

MASK = 2**64 - 1
MAKE = {"dense": partial(Dense, 70), "sparse": partial(Sparse, 12, s=3), "factored": partial(Factored, 3, 2)}


def splitmix64(state):
    """The output of the published generator at a state, in Python's integers."""
    z = state & MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def check(problem, kind, layers="all"):
    """The projected gradients of training and validation rows equal their definition."""
    space = gradient_space(problem, layers)
    matrix = explicit(MAKE[kind](7), space.parameters)
    for gradients, rows in ((space.train, problem.train), (space.valid, problem.valid)):
        ours, theirs = gradients.projected(MAKE[kind](7)), naive(problem, rows, list(space.parameters)) @ matrix
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-9, atol=1e-9 * float(theirs.abs().max()))
    return space


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("network", CLOSED)
def test_projections_equal_the_product_with_the_matrix(network, kind):
    check(problem_of(*CLOSED[network]), kind)


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("network", FALLBACKS)
def test_projections_of_what_has_no_closed_form_are_the_same_products(network, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ib.FunctionalFallback)
        check(problem_of(*FALLBACKS[network][:2]), kind)


@pytest.mark.parametrize("kind", MAKE)
def test_small_blocks_give_the_same(monkeypatch, kind):
    for name, numbers in (("FORMED", 30), ("PLACED", 30), ("DRAWN", 300)):
        monkeypatch.setattr(projection, name, numbers)
    for module in (arithmetic, gradient):
        monkeypatch.setattr(module, "PIECE", 30)
    for network in ("encoder", "called twice", "conv2d, groups", "tied embedding"):
        check(problem_of(*CLOSED[network]), kind)


@pytest.mark.parametrize("kind", MAKE)
def test_batch_size_and_other_selected_parameters_change_nothing(kind):
    problem = problem_of(*CLOSED["encoder"])
    whole = gradient_space(problem, "all").train.projected(MAKE[kind](7))
    other = gradient_space(replace(problem, batch_size=23), "all").train.projected(MAKE[kind](7))
    torch.testing.assert_close(whole, other)
    parts = [gradient_space(problem, layers).train.projected(MAKE[kind](7)) for layers in ("up", "last")]
    together = gradient_space(problem, ["fc", "up"]).train.projected(MAKE[kind](7))
    torch.testing.assert_close(together, torch.cat(parts, 1) if kind == "factored" else sum(parts))


@pytest.mark.parametrize("kind", MAKE)
def test_equal_seeds_give_equal_bits_and_other_seeds_give_others(kind):
    gradients = gradient_space(problem_of(*CLOSED["encoder"], dtype=torch.float32), "all").train
    first, again, other = (gradients.projected(MAKE[kind](seed)) for seed in (1, 1, 2))
    assert first.dtype == torch.float32
    assert torch.equal(first, again)
    assert (first != other).float().mean() > 0.5


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("network", ["encoder", "embedding", "conv2d, wide"])
def test_half_precision_is_summed_in_single_precision(network, kind):
    half = gradient_space(problem_of(*CLOSED[network], dtype=torch.bfloat16), "all").train
    ours = half.projected(MAKE[kind](7))
    exact = half.matrix().double() @ explicit(MAKE[kind](7), half.space.parameters)
    assert ours.dtype == torch.float32
    assert (ours - exact).norm() < (0.02 if kind == "factored" else 0.005) * exact.norm()


def test_words_are_those_of_the_published_generator():
    own_key, step = key(3, "fc.weight"), 0x9E3779B97F4A7C15
    drawn = words(own_key, torch.tensor([0, 1, 10**12]), 2)
    for column, index in enumerate((0, 1, 10**12)):
        for draw in (0, 1):
            assert int(drawn[draw, column]) & MASK == splitmix64(own_key + (2 * index + draw) * step)


def test_signs_have_mean_0_variance_1_and_no_correlation():
    drawn = signs(key(0, "weight"), torch.arange(4000), 250, torch.float64)
    assert drawn.shape == (250, 4000)
    assert set(drawn.unique().tolist()) == {-1, 1}
    assert abs(drawn.mean()) < 5 / drawn.numel() ** 0.5
    between_columns = drawn @ drawn.T / 4000 - torch.eye(250, dtype=torch.float64)
    assert between_columns.abs().max() < 5.5 / 4000**0.5
    assert torch.equal(drawn.float(), signs(key(0, "weight"), torch.arange(4000), 250, torch.float32))
    assert (drawn[:, 1:] * drawn[:, :-1]).mean().abs() < 5 / drawn.numel() ** 0.5
    other = signs(key(0, "bias"), torch.arange(4000), 250, torch.float64)
    assert (drawn * other).mean().abs() < 5 / drawn.numel() ** 0.5


def test_places_are_uniform_within_each_part_and_signs_are_independent_of_them():
    columns, negative = places(key(0, "weight"), torch.arange(60_000), 12, 3)
    for part in range(3):
        counts = torch.bincount(columns[part] - 4 * part, minlength=4)
        assert len(counts) == 4
        assert (counts / 60_000 - 1 / 4).abs().max() < 0.01
        for column in range(4):
            assert abs(negative[part][columns[part] == 4 * part + column].double().mean() - 0.5) < 0.02


@pytest.mark.parametrize(
    ("make", "variance"),
    [(partial(Dense, 16), 2 / 16), (partial(Sparse, 16, s=4), 2 / 16), (partial(Factored, 4, 4), 2)],
)
def test_inner_products_are_preserved_on_average_over_seeds(make, variance):
    gradients = gradient_space(problem_of(lambda: nn.Linear(12, 9), (12,)), "all").train
    matrix = gradients.matrix()
    true = matrix @ matrix.T
    products = torch.stack([(part := gradients.projected(make(seed))) @ part.T for seed in range(300)])
    size = matrix.norm(dim=1)
    relative = (products - true) / torch.outer(size, size)
    assert relative.mean(0).abs().max() < 5 * (variance / 300) ** 0.5  # of 529 products
    assert relative.square().mean() < variance


@pytest.mark.parametrize(
    ("network", "layer", "sketch", "kind", "forms"),
    [
        ("few positions, wide", "up", (2, 2), Outer, False),
        ("many positions, narrow", "up", (4, 4), Outer, True),
        ("conv2d, wide", "1", (2, 2), Convolved, False),
        ("conv2d, strided and dilated", "0", (40, 40), Convolved, True),
        ("embedding", "embed", (2, 2), Scattered, False),
    ],
)
def test_factored_projections_form_gradients_only_where_that_costs_less(
    monkeypatch, network, layer, sketch, kind, forms
):
    space = gradient_space(problem_of(*CLOSED[network]), layer)
    assert not space.plan.reasons  # planning compares each closed form with autograd, and may form gradients
    weight = space.parameters[f"{layer}.weight"].shape
    formed, plain = [], kind.formed
    monkeypatch.setattr(kind, "formed", lambda self: formed.append(self.shape) or plain(self))
    ours = space.train.projected(Factored(*sketch))
    assert (weight in formed) == forms
    formed.clear()
    monkeypatch.setattr(arithmetic, "WRITING", 1e9 if forms else -1e9)  # as if the other way cost less
    torch.testing.assert_close(space.train.projected(Factored(*sketch)), ours)
    assert (weight in formed) != forms


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("few", [True, False])
def test_an_embedding_is_never_formed_and_projected_by_position_if_these_are_few(monkeypatch, kind, few):
    problem = problem_of(*CLOSED["embedding"])
    space = gradient_space(problem, "embed")
    assert not space.plan.reasons  # planning forms the gradients of two rows
    monkeypatch.setattr(embedding, "ALONE", 0.1 if few else 20)
    sparse, plain = [], Scattered.scattered
    monkeypatch.setattr(Scattered, "scattered", lambda self: sparse.append(plain(self)) or sparse[-1])
    monkeypatch.setattr(Scattered, "formed", lambda self: 1 / 0)
    ours = space.train.projected(MAKE[kind](7))
    assert [part is not None for part in sparse] == ([] if kind == "factored" else 5 * [few])
    theirs = naive(problem, problem.train, list(space.parameters)) @ explicit(MAKE[kind](7), space.parameters)
    torch.testing.assert_close(ours, theirs)


def test_each_parameter_has_its_columns():
    space = gradient_space(problem_of(mlp, (4,)), "all")
    columns = Factored(5, 3).columns(space.parameters)
    assert list(columns) == ["0.weight", "0.bias", "3.weight", "3.bias"]
    assert [(part.start, part.stop) for part in columns.values()] == [(0, 15), (15, 20), (20, 29), (29, 32)]
    g = space.train.matrix()
    whole = space.train.projected(Factored(5, 3))
    torch.testing.assert_close(whole[:, columns["3.bias"]], g[:, -3:])  # shorter than its projection: kept whole
    assert Dense(5).columns(space.parameters) == dict.fromkeys(space.parameters, slice(0, 5))


MEASURED = """
from functools import partial
import torch
from networks import problem_of
from influence_bench.bench.speed.times import peak_bytes
from influence_bench.methods.gradients.projection import Dense, Factored, Sparse
from influence_bench.methods.gradients.space import gradient_space
torch.set_num_threads(1)
problem = problem_of(lambda: torch.nn.Linear(1024, 1500), (1024,), dtype=torch.float32, batch_size=23)
gradients = gradient_space(problem, ["*", "nothing"]).train
gradients.space.plan  # planning takes memory too
for projection in (Dense(64), Sparse(64), Factored(8, 8)):
    print(peak_bytes(partial(gradients.projected, projection)))
"""


def test_a_projection_takes_the_memory_of_its_blocks_and_its_result():
    """In a process of its own, since holes that other tests leave in the heap would count."""
    where = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True, env=where)
    taken = [int(line) for line in done.stdout.split()]
    assert len(taken) == 3
    assert max(taken) < 80e6  # 1.5 million parameters: the matrix of k = 64 takes 390 MB, 23 gradients 140 MB


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (partial(Dense, 0), "k=0 does not fit: it must be at least 1"),
        (partial(Sparse, 10, s=3), "k=10 does not fit s=3: it must be a multiple of s"),
        (partial(Sparse, 4, s=0), "s=0 does not fit"),
        (partial(Factored, 2, -1), "k=-1 does not fit"),
    ],
)
def test_impossible_sizes_are_refused(make, said):
    with pytest.raises(ib.InputError, match=said):
        make()


def test_projected_gradients_above_the_memory_budget_are_refused():
    with pytest.raises(ib.InputError, match=r"the projected gradients \(n, k\) would take"):
        gradient_space(problem_of(mlp, (4,), memory_budget=100_000), "all").train.projected(Dense(2000))
