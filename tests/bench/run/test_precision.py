"""Models in half precision score, and find as much; they are trained, and an epoch is timed, in float32."""

import copy
from dataclasses import replace

import pytest
import torch

import influence_bench as ib
from influence_bench.bench.catalogue.contract import planted
from influence_bench.bench.run import cost

SUITE = """
title = "In two precisions"
seeds = 1
methods = ["loss", "outlier-gradient[detector=l2]", "random"]

[[problems]]
dataset = "blobs"
noise = "symmetric"
rate = 0.2
model = "mlp"
"""


def test_a_run_in_half_precision_says_so_and_finds_as_much(tmp_path, monkeypatch):
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "own.toml").write_text(SUITE)
    (tmp_path / "both.toml").write_text(SUITE + '\n[[problems]]\ndataset = "blobs"\nnoise = "symmetric"\nrate = 0.2\n'
                                        'model = "mlp"\nprecision = "half"\n')  # fmt: skip
    run = ib.run(str(tmp_path / "both.toml"), out=tmp_path / "both", workers=1)
    auc = run.frame().pivot(index="method", columns="problem", values="roc_auc")
    assert list(auc) == ["blobs · symmetric 20 % · mlp", "blobs · symmetric 20 % · mlp in half precision"]
    assert (auc.iloc[:, 0] - auc.iloc[:, 1]).abs().max() < 0.02
    assert len(list((tmp_path / "cache").iterdir())) == 1  # one training serves both
    half = ib.run(str(tmp_path / "own.toml"), out=tmp_path / "half", workers=1, precision="half")
    assert half.frame().set_index("method")["roc_auc"].to_dict() == auc.iloc[:, 1].to_dict()


def test_an_epoch_of_a_model_in_half_precision_is_timed_in_float32():
    problem, _ = planted()
    half = replace(problem, model=copy.deepcopy(problem.model).bfloat16(), checkpoints=())
    seen = []
    half.model[0].register_forward_pre_hook(lambda layer, inputs: seen.append((layer.weight.dtype, inputs[0].dtype)))
    cost.calibrate(half)
    assert set(seen) == {(torch.float32, torch.float32)}


def test_another_precision_is_refused(tmp_path):
    (tmp_path / "own.toml").write_text(SUITE + 'precision = "quarter"\n')
    with pytest.raises(ib.InputError, match="precision"):
        ib.run(str(tmp_path / "own.toml"), out=tmp_path / "run")
