"""Inputs that are mappings of tensors, as for Hugging Face's models, and map-style datasets."""

import warnings

import pytest
import torch
from networks import naive
from torch import nn

import influence_bench as ib
from influence_bench.methods.gradients.space import gradient_space

CLASSES, LENGTH = 3, 7
SMALL = {"num_labels": CLASSES, "vocab_size": 50, "pad_token_id": 0}


def fields(rows=6):
    generator = torch.Generator().manual_seed(0)
    mask = (torch.arange(LENGTH) < torch.arange(LENGTH, LENGTH - rows, -1)[:, None]).long()
    return {"input_ids": torch.randint(3, 50, (rows, LENGTH), generator=generator), "attention_mask": mask}


def bert(**more):
    from transformers import BertConfig, BertForSequenceClassification

    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    return BertForSequenceClassification(BertConfig(**sizes, **SMALL, max_position_embeddings=16, **more))


def gpt2(**more):
    from transformers import GPT2Config, GPT2ForSequenceClassification

    sizes = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16, "bos_token_id": None, "eos_token_id": None}
    return GPT2ForSequenceClassification(GPT2Config(**sizes, **SMALL, **more))


def llama(**more):
    from transformers import LlamaConfig, LlamaForSequenceClassification

    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 16}
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "intermediate_size": 32}
    return LlamaForSequenceClassification(LlamaConfig(**heads, **sizes, **SMALL, **more))


def adapted(model, *targets):
    from peft import LoraConfig, get_peft_model

    return get_peft_model(model, LoraConfig(r=2, target_modules=list(targets), task_type="SEQ_CLS"))


MODELS = {
    "bert": (bert, "all"),
    "bert, attention by hand": (lambda: bert(attn_implementation="eager"), "all"),
    "bert with adapters": (lambda: adapted(bert(), "query", "value"), "lora"),
    "gpt2": (gpt2, "all"),
    "gpt2 with adapters": (lambda: adapted(gpt2(), "c_attn"), "lora"),
    "llama, grouped queries": (llama, "all"),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("error::influence_bench.FunctionalFallback", "ignore:.*fan_in_fan_out")
def test_hugging_face_models_have_closed_forms_that_equal_autograd(name):
    build, layers = MODELS[name]
    torch.manual_seed(0)
    model = build().double()
    for parameter in model.parameters():
        parameter.data.add_(0.01 * torch.randn_like(parameter))  # a fresh adapter's second factor is zero
    problem = ib.Problem(model, train=(fields(), torch.arange(6) % CLASSES), batch_size=4)
    space = gradient_space(problem, layers)
    truth = naive(problem, problem.train, list(space.parameters))
    assert space.size == truth.shape[1] > 0
    torch.testing.assert_close(space.train.matrix(), truth, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(space.train.squared_l2(), truth.square().sum(1), rtol=1e-9, atol=1e-12)


class Positions(nn.Module):
    """Token embeddings plus position embeddings, which are looked up once for all rows, with or without a row axis."""

    def __init__(self, axis):
        super().__init__()
        self.tokens, self.positions, self.axis = nn.Embedding(50, 4), nn.Embedding(9, 4), axis
        self.fc = nn.Linear(4, CLASSES)

    def forward(self, input_ids, attention_mask):
        index = torch.arange(input_ids.shape[1])
        positions = self.positions(index[None] if self.axis else index)
        return self.fc((torch.tanh(self.tokens(input_ids) + positions) * attention_mask[:, :, None]).mean(1))


@pytest.mark.parametrize("axis", [True, False])
@pytest.mark.parametrize("batch_size", [1, 3, LENGTH])
@pytest.mark.filterwarnings("error::influence_bench.FunctionalFallback")
def test_an_embedding_looked_up_once_for_all_rows_has_a_gradient_for_each(axis, batch_size):
    torch.manual_seed(0)
    problem = ib.Problem(Positions(axis).double(), (fields(), torch.arange(6) % CLASSES), batch_size=batch_size)
    space = gradient_space(problem, "all")
    truth = naive(problem, problem.train, list(space.parameters))
    torch.testing.assert_close(space.train.matrix(), truth, rtol=1e-9, atol=1e-12)


def test_every_method_takes_a_mapping_or_refuses_it():
    torch.manual_seed(0)
    valid = fields(4), torch.arange(4) % CLASSES
    y = torch.arange(6) % CLASSES
    states = [(Positions(axis=True).state_dict(), 1.0) for _ in range(2)]

    def of_new_rows(rows, seed, share):
        return Positions(axis=True), ib.Dynamics.of(torch.randn(2, len(rows), CLASSES + 1), rows.y)

    trained = {"dynamics": ib.Dynamics.of(torch.randn(2, 6, CLASSES), y), "trainer": of_new_rows, "groups": y}
    problem = ib.Problem(Positions(axis=True), (fields(), y), valid, states, **trained)
    refused = set()
    for name in ib.methods().query("family != 'peer'")["method"]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ib.NotConverged)
            try:
                assert ib.score(name, problem).shape == ((6, 4) if name.startswith("pairwise-") else (6,))
            except ib.InputError:
                refused.add(name)
    assert refused == {"knn-vote", "vog"}  # ten neighbours of six rows; gradients in tokens


class Rows(torch.utils.data.Dataset):
    """A map-style dataset of any items."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        return self.items[row]


def test_a_dataset_is_taken_as_its_stacked_rows():
    x, y = torch.randn(4, 2), torch.arange(4) % 2
    whole, single = nn.Linear(2, 2), fields(4)
    given = ib.Problem(whole, train=Rows(list(zip(x, y.tolist(), strict=True)))).train
    assert torch.equal(given.x, x)
    assert torch.equal(given.y, y)
    named = [{name: tensor[row] for name, tensor in single.items()} | {"labels": row % 2} for row in range(4)]
    given = ib.Problem(Positions(axis=True), train=Rows(named)).train
    assert given.x.keys() == single.keys()
    assert torch.equal(given.x["input_ids"], single["input_ids"])
    assert torch.equal(given.y, y)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (Rows([(torch.zeros(2), 0), (torch.zeros(3), 1)]), "train: give .* of one shape"),
        (Rows([{"input_ids": torch.zeros(2).long()}] * 2), "pairs of input and label, or hold 'labels'"),
        (({"a": torch.zeros(2, 3), "b": torch.zeros(3, 3)}, torch.tensor([0, 1])), r"x\['b'\] has 3 rows and y has 2"),
        (({"a": torch.tensor([[0.0], [torch.nan]])}, torch.tensor([0, 1])), r"row 1 of x\['a'\] is not finite"),
    ],
)
def test_rows_that_do_not_fit_are_refused_in_one_line(train, message):
    with pytest.raises(ib.InputError, match=message) as caught:
        ib.Problem(nn.Linear(3, 2), train=train)
    assert "\n" not in str(caught.value)
