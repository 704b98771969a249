"""The registry of models: to add a model is to decorate a function; what does not fit is one clear line."""

import pytest
from data_files import complaint
from small_texts import reviews
from torch import nn

import influence_bench as ib
from influence_bench.bench.models.architecture import WORD_FEATURES, find_model, model


def test_a_new_model_is_one_decorated_function(own_models):
    @model(epochs=2, batch_size=16, optimizer="adam", learning_rate=1e-2, checkpoints=1)
    def one_layer(shape, classes, width: int = 4):
        """One hidden layer."""
        return nn.Sequential(nn.Flatten(), nn.Linear(shape.numel(), width), nn.ReLU(), nn.Linear(width, classes))

    problem = ib.prepare(ib.load("iris"), "one-layer[width=3]")
    assert [tuple(weight.shape) for weight in problem.state.values()] == [(3, 4), (3,), (3, 3), (3,)]
    architecture = find_model("one-layer[width=3]")
    assert architecture.label(architecture.given) == "one-layer[width=3]"
    assert ib.models().set_index("model").loc["one-layer", "epochs"] == 2
    assert "no argument of one-layer 'wide': did you mean width" in complaint(find_model, "one-layer[wide=3]")


def test_every_model_says_what_it_is():
    assert ib.models()["idea"].str.endswith(".").all()


def test_other_models_count_the_words_of_texts():
    problem = ib.prepare(reviews(), "logistic")
    assert problem.train.shape == (WORD_FEATURES,)
    assert (problem.outputs().argmax(1) == problem.train.y).all()


@pytest.mark.parametrize(
    ("data", "model", "said"),
    [
        (lambda: ib.load("digits"), "sentence-encoder", "a sentence encoder reads texts"),
        (lambda: ib.load("digits"), "causal-lm", "reads prompts with answers"),
        (reviews, "causal-lm", "reads prompts with answers"),
        (reviews, "small-resnet", "does not fit inputs of shape"),
        (reviews, "sentence-encoder[rank=0]", "no adapters of rank 0"),
        (reviews, "sentence-encoder[targets=q_proj]", "no adapters of rank 8 on targets='q_proj': give a rank"),
        (reviews, "sentence-encoder[rank=two]", "rank='two' does not fit"),
        (reviews, "sentence-encoder[rang=2]", "no argument of sentence-encoder 'rang': did you mean rank"),
        (reviews, "sentence-encoder[pretrained=/no/such/folder]", "'/no/such/folder' cannot be loaded"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(data, model, said):
    assert said in complaint(ib.prepare, data(), model)
