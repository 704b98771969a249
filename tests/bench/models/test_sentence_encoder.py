"""Sentence encoders: what they read, what they train, and their gradients in closed form."""

from dataclasses import replace

import pytest
import torch
from made_up_runs import info
from networks import naive
from small_texts import BAD, GOOD, reviews

import influence_bench as ib
from influence_bench.bench.instruments import memory
from influence_bench.bench.problem.examples import Examples, Padded
from influence_bench.bench.results.run import Run
from influence_bench.bench.results.specs import Arm, Cell, ProblemSpec
from influence_bench.bench.run.arms import train_arm
from influence_bench.bench.run.cell import prepare_problem, score_cell
from influence_bench.bench.run.jobs import Prepare
from influence_bench.methods.gradients.space import gradient_space


@pytest.mark.filterwarnings("error::influence_bench.FunctionalFallback")
def test_pretrained_encoder_trains_its_adapters_alone_and_has_closed_forms():
    problem = ib.prepare(reviews(), "sentence-encoder[rank=2]")
    trained = {name for name, parameter in problem.model.named_parameters() if parameter.requires_grad}
    assert set(problem.checkpoints[-1].state) == trained
    assert all("lora_" in name or name.startswith("head.") for name in trained)
    assert not torch.equal(problem.checkpoints[0].state["head.weight"], problem.checkpoints[-1].state["head.weight"])
    few = problem.on(slice(0, 3))
    assert {layers: gradient_space(few, layers).size for layers in ("last", "lora", "all")} == {
        "last": 2 * 384 + 2,
        "lora": 6 * 2 * 2 * 2 * 384,  # layers, targets, factors, rank and width
        "all": 6 * 2 * 2 * 2 * 384 + 2 * 384 + 2,  # frozen weights are no part of it
    }
    for layers in ("last", "lora", "all"):
        assert gradient_space(few, layers).train.squared_l2().isfinite().all()


def test_adapters_gradients_equal_autograd_whatever_the_padding(tiny):
    problem = ib.prepare(reviews(), f"sentence-encoder[pretrained={tiny}]")
    problem = replace(problem, model=problem.model.double(), batch_size=3)
    space = gradient_space(problem, "lora")
    truth = naive(problem, problem.train, list(space.parameters))
    assert truth.abs().max() > 0
    torch.testing.assert_close(space.train.matrix(), truth, rtol=1e-9, atol=1e-12)


def test_encoder_is_trained_and_reopened_bit_by_bit(tiny):
    name = f"sentence-encoder[pretrained={tiny},rank=4]"
    first, again = ib.prepare(reviews(), name, seed=1), ib.prepare(reviews(), name, seed=1)
    assert torch.equal(first.outputs(), again.outputs())
    other = ib.prepare(reviews(), name, seed=2)
    assert not torch.equal(first.outputs(), other.outputs())


def test_batches_are_cut_to_their_longest_row(tiny):
    problem = ib.prepare(reviews(), f"sentence-encoder[pretrained={tiny}]")
    problem = replace(problem, batch_size=2)
    widths = [batch.x["input_ids"].shape[1] for _, batch in problem.batches(problem.train)]
    lengths = problem.train.x["attention_mask"].sum(1)
    assert widths == [int(lengths[rows : rows + 2].max()) for rows in range(0, 8, 2)]
    assert len(set(widths)) > 1
    whole = problem.train.through(problem.model)
    torch.testing.assert_close(problem.outputs(), whole.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "mask", "width"),
    [
        (Padded, [[1, 1, 0, 0], [1, 0, 0, 0]], 2),
        (Padded, [[0, 0, 1, 1], [0, 0, 0, 1]], 4),  # padding on the left
        (dict, [[1, 1, 0, 0], [1, 0, 0, 0]], 4),  # a user's own fields: the model may take notice of padding
    ],
)
def test_what_is_trimmed_is_padding_at_the_end(kind, mask, width):
    fields = kind(input_ids=torch.ones(2, 4), attention_mask=torch.tensor(mask), more=torch.ones(2, 3))
    trimmed = Examples(fields, torch.tensor([0, 1]))[:2].trimmed()
    assert {name: tensor.shape[1] for name, tensor in trimmed.x.items()} == {
        "input_ids": width,
        "attention_mask": width,
        "more": 3,
    }


def test_texts_are_trimmed_and_the_model_trained_anew(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "limit", lambda total: None)  # which this process would keep for all other tests
    file = tmp_path / "reviews.csv"
    lines = [f"{text},{verdict}\n" for text, verdict in [(t, "good") for t in GOOD] + [(t, "bad") for t in BAD]]
    file.write_text("text,label\n" + "".join(lines * 5))
    spec = ProblemSpec(
        f"csv-text[path={file},label=label,text=text]", f"sentence-encoder[pretrained={tiny}]", "symmetric", 0.2
    )
    run = Run(tmp_path / "run")
    run.write_info(info())
    prepare_problem(run, Prepare(spec, view=False))
    score_cell(run, Cell(spec, "loss", {}, "loss"), memory_gib=8)
    results = {}
    for removal, budget in (("none", ""), ("loss", "30%"), ("oracle", "true")):
        arm = Arm(spec, removal, budget, seed=0)
        train_arm(run, arm)
        results[removal] = run.arm(arm)
    assert {removal: result.k for removal, result in results.items()} == {"none": 0, "loss": 8, "oracle": 5}
    assert results["oracle"].wrong_labels == 5
    for result in results.values():
        assert len(result.accuracy_by_epoch) == 3
        assert result.accuracy == result.accuracy_by_epoch[-1]
    assert results["none"].accuracy == run.problem(spec.slug).model_accuracy
