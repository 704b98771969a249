"""How many rows a pass takes: by the largest tensor of a row, unless the batch size or the memory budget says."""

import pytest
import torch
from torch import nn

import influence_bench as ib
from influence_bench.bench.problem.width import TENSOR, fast_rows, widest


class Scaled(nn.Module):
    """A linear layer whose weight is computed from its parameters in each pass."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(300, 8))

    def forward(self, x):
        return x @ (2 * self.weight).T.contiguous()


def row(*shape):
    return ib.Examples(torch.randn(1, *shape), torch.zeros(1, dtype=torch.int64))


def encoder():
    layer = nn.TransformerEncoderLayer(8, 2, 64, dropout=0.0, batch_first=True)
    return nn.TransformerEncoder(layer, 1, enable_nested_tensor=False).eval()


@pytest.mark.parametrize(
    ("model", "shape", "numbers"),
    [
        (nn.Sequential(nn.Linear(50, 7), nn.ReLU(), nn.Linear(7, 3)), (50,), 50),  # the input
        (nn.Sequential(nn.Linear(5, 90), nn.ReLU(), nn.Linear(90, 3)), (5,), 90),
        (nn.Conv2d(2, 6, 3, padding=1), (2, 10, 10), 600),
        (encoder(), (11, 8), 11 * 64),  # the wide layer, which a fused call would hide
        (Scaled(), (8,), 300),  # not the weight, which has 2,400
    ],
    ids=["input", "hidden", "convolution", "transformer", "computed weight"],
)
def test_the_widest_tensor_of_a_row(model, shape, numbers):
    assert widest(model, row(*shape)) == 4 * numbers


def test_a_pass_takes_so_many_rows_that_their_widest_tensor_has_the_size_that_is_fast():
    assert fast_rows(nn.Linear(1000, 2), row(1000)) == TENSOR["cpu"] // 4000
    assert fast_rows(nn.Linear(10**7, 2), row(10**7)) == 1


def test_the_batch_size_and_the_memory_budget_come_first():
    x, y = torch.randn(5000, 1000), torch.zeros(5000, dtype=torch.int64)
    problem = ib.Problem(nn.Linear(1000, 2), (x, y))
    assert [len(batch) for _, batch in problem.batches(problem.train)] == [1048] * 4 + [808]
    few = ib.Problem(nn.Linear(1000, 2), (x, y), batch_size=2000)
    assert [len(batch) for _, batch in few.batches(few.train)] == [2000, 2000, 1000]
    tight = ib.Problem(nn.Linear(1000, 2), (x, y), memory_budget=10_000)
    assert {len(batch) for _, batch in tight.batches(tight.train, bytes_per_row=10)} == {500}


def test_what_is_known_of_a_model_is_found_out_once_for_all_problems_made_from_one(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "influence_bench.bench.problem.problem.fast_rows", lambda *given: calls.append(given) or fast_rows(*given)
    )
    problem = ib.Problem(nn.Linear(4, 2), (torch.randn(9, 4), torch.arange(9) % 2))
    ib.score("loss", problem), ib.score("el2n", problem), ib.score("loss", problem.on(slice(0, 5)))
    assert len(calls) == 1
    ib.score("loss", ib.Problem(problem.model, problem.train))
    assert len(calls) == 2
