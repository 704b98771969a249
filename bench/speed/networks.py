"""The networks that the gradient engine is timed on, each with random rows to train on."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Size, Tensor, nn
from torch.nn import functional as F

from ..errors import unknown
from ..models.architecture import find_model
from ..problem.examples import Examples
from ..problem.problem import Loss, Problem

CLASSES, BATCH_SIZE = 10, 128
IMAGE = (3, 32, 32)
TOKENS, LENGTH, WIDTH = 512, 256, 256  # of the language model: its vocabulary, a row's tokens, numbers for each token


@dataclass(frozen=True)
class Network:
    """A network that works are timed on.

    Args:
        name: of the network.
        build: makes the module.
        make: makes random inputs and labels of as many rows.
        rows: how many training rows the works get.
        repeats: how many calls of each work count.
        norms: the goal of all-layer squared norms, in training epochs.
        datainf: that of DataInf.
        ekfac: that of EK-FAC self-influence.
        loss: of the network; None for cross-entropy on logits (B, 10).
        device: where the works are done.
    """

    name: str
    build: Callable[[], nn.Module]
    make: Callable[[int], Examples]
    rows: int
    repeats: int
    norms: float
    datainf: float
    ekfac: float
    loss: Loss | None = None
    device: str = "cpu"

    def problem(self, rows: int | None = None) -> Problem:
        """Random training rows, and at most one batch of validation rows, which batch normalisation has seen.

        Args:
            rows: how many to train on; default: those of the network.
        """
        torch.manual_seed(0)
        n, model = rows or self.rows, self.build().to(self.device).train()
        examples = self.make(n + min(n, BATCH_SIZE))
        with torch.no_grad():
            model(examples.x[n:].to(self.device))
        return Problem(model, examples[:n], examples[n:], loss=self.loss, training_batch=BATCH_SIZE)


class Encoder(nn.Module):
    """A transformer encoder of six layers with learned positions, on 64 vectors of 32 features: 1.2 million weights."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.place = nn.Linear(32, 128), nn.Parameter(0.02 * torch.randn(64, 128))
        layer = nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, batch_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False), nn.Linear(128, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, 10) of rows (B, 64, 32), by the mean over positions."""
        logits: Tensor = self.head(self.encoder(self.up(x) + self.place).mean(1))
        return logits


class Block(nn.Module):
    """A block of GPT-2: causal attention with 8 heads, then a layer four times as wide, each after a normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """The tokens (B, T, width) after the block."""
        query, key, value = self.attention(self.before(x)).unflatten(2, (3, 8, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        added: Tensor = x + self.down(F.gelu(self.up(self.after(x)), approximate="tanh"))
        return added


class LanguageModel(nn.Module):
    """GPT-2 with six blocks on 256 tokens of a vocabulary of 512: 5.1 million weights."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(TOKENS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(6)))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, TOKENS, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, T, 512) of the next token at each position of tokens (B, T)."""
        places = self.places(torch.arange(x.shape[1], device=x.device))
        logits: Tensor = self.head(self.norm(self.blocks(self.tokens(x) + places)))
        return logits


def token_loss(outputs: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy, the mean over all tokens, of logits (B, T, 512) and tokens (B, T)."""
    return F.cross_entropy(outputs.flatten(0, -2), y.flatten())


def mlp() -> nn.Module:
    """An MLP of 784-256-128-10 with ReLU."""
    layers = nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, CLASSES)
    return nn.Sequential(*layers)


def numbers(*shape: int) -> Callable[[int], Examples]:
    """A function that makes random inputs of a shape and one of ten classes for each."""
    return lambda rows: Examples(torch.randn(rows, *shape), torch.randint(CLASSES, (rows,)))


def texts(rows: int) -> Examples:
    """Random tokens and, as labels, the next ones."""
    tokens = torch.randint(TOKENS, (rows, LENGTH + 1))
    return Examples(tokens[:, :-1], tokens[:, 1:])


def of_images(name: str, rows: int, repeats: int) -> Network:
    """A registered model for small images, with the goals of convolutional networks."""

    def build() -> nn.Module:
        return find_model(name).build(Size(IMAGE), CLASSES)

    return Network(name, build, numbers(*IMAGE), rows, repeats, norms=1.2, datainf=3, ekfac=8)


NETWORKS = {
    entry.name: entry
    for entry in (
        Network("mlp", mlp, numbers(784), rows=10_000, repeats=9, norms=0.5, datainf=2.2, ekfac=5),
        of_images("small-resnet", rows=1024, repeats=7),
        Network("transformer", Encoder, numbers(64, 32), rows=256, repeats=3, norms=1.0, datainf=3, ekfac=5),
        of_images("resnet-18", rows=128, repeats=2),
        Network("language-model", LanguageModel, texts, 32, repeats=3, norms=1.0, datainf=3, ekfac=5, loss=token_loss),
    )
}


def network(name: str) -> Network:
    """The network of that name.

    Raises:
        InputError: with the nearest names, if there is none.
    """
    if name not in NETWORKS:
        raise unknown("network", name, NETWORKS)
    return NETWORKS[name]
