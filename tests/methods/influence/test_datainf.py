"""DataInf compared with its definition, layer by layer, and influence on the validation rows of each class."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from oracle import close

import influence_bench as ib
from influence_bench.methods.gradients.space import gradient_space


def test_datainf_equals_its_definition(small):
    problem, g, _ = small
    sizes = gradient_space(problem, "all").layer_sizes.tolist()
    expected = 0
    for train, valid in zip(g["train"].split(sizes, 1), g["valid"].split(sizes, 1), strict=True):
        v, lam = valid.mean(0), 0.1 * train.square().mean()
        h = sum((v - (v @ gi) / (lam + gi @ gi) * gi) / (len(train) * lam) for gi in train)
        expected = expected - train @ h
    close(ib.score("datainf", problem, damping=0.1, layers="all"), expected)


@pytest.mark.parametrize("n", [20, 300])  # fewer samples than a layer has parameters, and more
def test_datainf_of_each_sample_on_itself_equals_its_definition(small, n):
    problem, g, _ = small
    expected = 0
    for train in g["train"][:n].split(gradient_space(problem, "all").layer_sizes.tolist(), 1):
        lam = 0.1 * train.square().mean()
        hs = [sum((v - (v @ gi) / (lam + gi @ gi) * gi) / (n * lam) for gi in train) for v in train]
        expected = expected + (torch.stack(hs) * train).sum(1)
    close(ib.score("datainf-self", problem.on(slice(n)), layers="all"), expected)


@pytest.mark.parametrize("name", ["lissa", "datainf"])
def test_among_the_classes_the_class_that_a_sample_harms_most_decides(small, name):
    problem, _, _ = small
    each = [
        ib.score(name, ib.Problem(problem.model, problem.train, problem.valid[problem.valid.y == label]))
        for label in range(3)
    ]
    close(ib.score(name, problem, against="classes"), np.max(each, 0))


KEPT = """
import torch
import influence_bench as ib
from influence_bench.bench.speed.times import peak_bytes
torch.set_num_threads(1)
x, y = torch.randn(120_000, 8), torch.randint(0, 2, (120_000,))
model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))
problem = ib.Problem(model, (x, y), batch_size=1024, memory_budget=128 * 2**20)
for _ in range(2):  # what is compiled at the first calls is no memory of the method
    ib.score("datainf-self", problem.on(slice(3000)), layers="all")
print(peak_bytes(lambda: ib.score("datainf-self", problem, layers="all")))
"""


def test_datainf_of_each_sample_on_itself_keeps_the_memory_budget():
    """In a process of its own, since holes that other tests leave in the heap would count."""
    where = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, check=True, env=where)
    assert 85e6 < int(done.stdout) < 128 * 2**20  # the gradients take 85 MB in float32


def test_datainf_of_each_sample_on_itself_is_refused_where_the_gradients_alone_take_the_memory_budget(small):
    problem, g, _ = small
    gradients = g["train"].nbytes
    with pytest.raises(ib.InputError, match=r"the gradients .* the memory budget of .* GB: give fewer rows"):
        ib.score("datainf-self", replace(problem, memory_budget=gradients), layers="all")
