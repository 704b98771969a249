"""Causal language models that learn to answer prompts, with a loss over the answer's tokens."""

import torch
from torch import Size, Tensor, nn
from torch.nn import functional as F

from ..errors import InputError
from ..problem.examples import Examples
from ..problem.texts import Texts
from . import pretrained as hub
from .architecture import IGNORED, model

END = 1  # the byte that ends an answer; no text holds it. Byte 0 is padding


def next_tokens(examples: Examples, pretrained: str, length: int) -> Examples:
    """Encode prompts with answers as `input_ids` (n, L) and labels (n, L): the next token at each position.

    Outside the answer, the label is `IGNORED`.

    Args:
        examples: prompts with their answers, as texts.
        pretrained: the model whose tokenizer to use; without a pre-trained model, tokens are bytes.
        length: largest L; longer rows are cut off.

    Raises:
        InputError: if the inputs are not prompts with their answers.
    """
    if not isinstance(examples.x, Texts) or len(examples.x.parts) != 2:
        raise InputError(
            "a causal language model reads prompts with answers, and this dataset holds none: choose a dataset of kind"
            " generation"
        )
    written = [([*f"{prompt}\n".encode()], [*answer.encode(), END]) for prompt, answer in examples.x]
    if pretrained:
        tokenizer = hub.load("AutoTokenizer", pretrained)
        prompts, answers = ([*texts] for texts in zip(*examples.x, strict=True))
        heads = tokenizer([f"{prompt}\n" for prompt in prompts])["input_ids"]
        tails = tokenizer(answers, add_special_tokens=False)["input_ids"]
        written = [(head, [*tail, tokenizer.eos_token_id]) for head, tail in zip(heads, tails, strict=True)]
    width = min(length, max(len(head) + len(tail) for head, tail in written) - 1)
    ids = torch.zeros(len(written), width, dtype=torch.int64)
    labels = torch.full_like(ids, IGNORED)
    for row, (head, tail) in enumerate(written):
        line = torch.tensor([*head, *tail])[: width + 1]
        ids[row, : len(line)] = line[:width]
        labels[row, len(head) - 1 : len(line) - 1] = line[len(head) :]
    return Examples({"input_ids": ids}, labels)


def answer_loss(outputs: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy (B,) over the tokens of each answer, from logits (B, L, vocabulary) and labels (B, L)."""
    losses = F.cross_entropy(outputs.movedim(-1, 1), y, ignore_index=IGNORED, reduction="none")
    return losses.sum(1) / (y != IGNORED).sum(1).clamp(min=1)


@model(
    epochs=3,
    batch_size=32,
    optimizer="adamw",
    learning_rate=3e-3,
    weight_decay=0.01,
    schedule="linear",
    checkpoints=3,
    encode=next_tokens,
    loss=answer_loss,
    origin=hub.weights_digest,
    libraries=("transformers", "peft"),
)
def causal_lm(
    shape: Size, classes: int, pretrained: str = "", rank: int = 8, targets: str = "q_proj v_proj", length: int = 256
) -> nn.Module:
    """A language model with LoRA: a pre-trained model, or a tiny Llama on bytes that is trained as a whole.

    Args:
        shape: ignored.
        classes: ignored.
        pretrained: a folder, or the name on the hub, of any causal language model in safetensors.
        rank: rank of the adapters.
        targets: last parts of the names of the layers that get adapters, separated by spaces.
        length: largest number of tokens in a row; longer rows are cut off.

    Raises:
        InputError: if the extra `text` is not installed, there is no such model, or no layer has such a name.
    """
    network = hub.model("AutoModelForCausalLM", pretrained) if pretrained else _tiny(length)
    network.config.use_cache = False  # type: ignore[union-attr]
    hub.adapt(network, rank, targets)
    return network if pretrained else network.requires_grad_()


def _tiny(length: int) -> nn.Module:
    transformers = hub.library("transformers")
    config = transformers.LlamaConfig(
        vocab_size=256,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=length,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=END,
    )
    network: nn.Module = transformers.LlamaForCausalLM(config)
    return network
