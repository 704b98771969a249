"""The device: where a run trains and scores, as the user asks. What is drawn for a training is the same on all."""

import json
import shutil
import sys

import pytest
import torch

import influence_bench as ib
from influence_bench.bench.cli import main
from influence_bench.bench.instruments import accelerator
from influence_bench.bench.models.architecture import find_model
from influence_bench.bench.run.pool import worker_count
from influence_bench.bench.run.trim import trim
from influence_bench.bench.training import prepare
from influence_bench.bench.training.loop import augmented, train

SUITE = """
title = "A small suite"
seeds = 1
methods = ["loss", "el2n-retrained[initialisations=1]"]

[[problems]]
dataset = "blobs"
noise = "symmetric"
rate = 0.2
model = "logistic"
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("device")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INFLUENCE_BENCH_CACHE", str(folder / "cache"))
        (folder / "small.toml").write_text(SUITE)
        yield ib.run(str(folder / "small.toml"), out=folder / "run", workers=1, device="cpu")


@pytest.fixture
def two_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


def test_a_run_says_on_which_device_it_was(run):
    assert set(run.frame()["status"]) == {"ok"}
    assert run.info.provenance.device == "cpu"
    assert run.info.suite.problems[0].device == "cpu"


def test_the_processor_is_what_is_meant_where_no_device_is_named():
    rows = ib.Examples(torch.randn(40, 3, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 2)
    default, named = (
        train(find_model("logistic"), rows, 2, 0, share=0.1, **given) for given in ({}, {"device": "cpu"})
    )
    pairs = zip(default.model.state_dict().values(), named.model.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_augmentation_is_drawn_by_the_processor_wherever_the_images_are():
    here, there = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    images = torch.zeros(5, 3, 8, 8)
    augmented(images, here)
    elsewhere = augmented(images.to("meta"), there)
    assert (elsewhere.device.type, elsewhere.shape) == ("meta", images.shape)
    assert torch.equal(here.get_state(), there.get_state())


@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:1"])
def test_a_device_that_is_there_is_found(two_devices, name):
    assert accelerator.device(name) == torch.device(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [("gpu", "no device 'gpu'"), ("mps", "no device 'mps'"), ("cuda:one", "no device"), ("cuda:2", "finds 2 CUDA")],
)
def test_a_device_that_is_not_there_is_refused(two_devices, name, message):
    for refused in (accelerator.device, lambda name: ib.prepare(ib.load("blobs"), "logistic", device=name)):
        with pytest.raises(ib.InputError, match=message):
            refused(name)


@pytest.mark.parametrize("asked", ["run", "plan"])
def test_a_refused_device_is_one_line_and_status_2(monkeypatch, capsys, tmp_path, asked):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["influence-bench", asked, "quick", "--device", "cuda:99"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert capsys.readouterr().err.endswith("so no cuda:99: give cpu\n")
    assert not list(tmp_path.iterdir())


def test_a_suite_does_not_choose_the_device(tmp_path):
    (tmp_path / "own.toml").write_text(SUITE + 'device = "cuda"\n')
    with pytest.raises(ib.InputError, match=r"no key .* in the problem of own"):
        ib.run(str(tmp_path / "own.toml"), tmp_path / "run")


def test_one_process_at_a_time_works_on_a_device_unless_more_are_asked_for(two_devices):
    assert worker_count(None, "cuda") == 1
    assert worker_count(3, "cuda") == 3


def test_a_problem_is_prepared_apart_for_each_kind_of_device(two_devices, monkeypatch, tmp_path):
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(prepare, "_make", lambda folder, *_: folder.mkdir())
    data = ib.load("blobs")
    cpu, first, second = (prepare.prepared(data, "logistic", 0, name) for name in ("cpu", "cuda", "cuda:1"))
    assert cpu != first == second


def test_trimming_trains_where_the_run_was(run, tmp_path):
    folder = shutil.copytree(run.folder, tmp_path / "run")
    (record,) = (folder / "problems").glob("*.json")
    known = json.loads(record.read_text())
    known["spec"]["device"] = "cuda:99"
    record.write_text(json.dumps(known))
    with pytest.raises(ib.InputError, match="so no cuda:99"):
        trim(folder, ["10%"], 1)
