"""Causal language models: their tokens and labels, their loss, and their gradients in closed form."""

from dataclasses import replace

import pytest
import torch
from networks import naive
from small_texts import PROMPTS, prompts, reviews
from torch.nn import functional as F

import influence_bench as ib
from influence_bench.bench.models.architecture import IGNORED, MODELS
from influence_bench.bench.models.causal_lm import answer_loss, next_tokens
from influence_bench.bench.training.prepare import facts_of, prepared
from influence_bench.methods.gradients.space import gradient_space


def test_labels_are_the_tokens_that_follow_in_the_answer():
    encoded = next_tokens(prompts().train, pretrained="", length=64)
    for row, (prompt, answer) in enumerate(PROMPTS):
        text = f"{prompt}\n{answer}\x01".encode()
        ids, labels = encoded.x["input_ids"][row], encoded.y[row]
        assert bytes(ids[: len(text) - 1].tolist()) == text[:-1]
        answered = labels != IGNORED
        assert bytes(labels[answered].tolist()) == f"{answer}\x01".encode()
        for place in answered.nonzero()[:, 0].tolist():
            assert labels[place] == text[place + 1]
    assert encoded.x["input_ids"].shape[1] == len("double cat\ncatcat")
    cut = next_tokens(prompts().train, pretrained="", length=5)
    assert cut.x["input_ids"].shape == cut.y.shape == (4, 5)


def test_answer_loss_is_the_mean_over_the_answers_tokens():
    logits, y = torch.randn(2, 3, 5), torch.tensor([[IGNORED, 1, 2], [IGNORED, IGNORED, 4]])
    expected = [F.cross_entropy(logits[0, 1:], y[0, 1:]), F.cross_entropy(logits[1, 2:], y[1, 2:])]
    torch.testing.assert_close(answer_loss(logits, y), torch.stack(expected))


@pytest.mark.filterwarnings("error::influence_bench.FunctionalFallback")
def test_language_model_has_closed_forms_that_equal_autograd():
    problem = ib.prepare(prompts(), "causal-lm[rank=2]")
    problem = replace(problem, model=problem.model.double(), batch_size=3)
    for layers in ("lora", "all"):
        space = gradient_space(problem, layers)
        truth = naive(problem, problem.train, list(space.parameters))
        assert truth.abs().max() > 0
        torch.testing.assert_close(space.train.matrix(), truth, rtol=1e-9, atol=1e-12)


def test_a_problem_of_prompts_knows_their_kinds_and_one_of_labelled_texts_none(tiny):
    assert ib.prepare(prompts(), "causal-lm[rank=2]").groups.tolist() == [0, 0, 1, 1]
    assert ib.prepare(reviews(), f"sentence-encoder[pretrained={tiny}]").groups is None


def test_language_model_learns_its_answers_by_heart(own_models):
    architecture = MODELS.find("causal-lm")
    MODELS.add(replace(architecture, recipe=replace(architecture.recipe, epochs=60, learning_rate=1e-2)))
    assert facts_of(prepared(prompts(), "causal-lm", 0)).model_accuracy == 1
