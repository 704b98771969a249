"""Sentence encoders: a pre-trained transformer with low-rank adapters, and a linear classifier on its mean output."""

from torch import Size, Tensor, nn

from ..errors import InputError
from ..problem.examples import Examples, Padded
from ..problem.texts import Texts
from . import pretrained as hub
from .architecture import model
from .pretrained import MINILM


def tokens(examples: Examples, pretrained: str, length: int) -> Examples:
    """Encode texts as the fields that the transformer takes, (n, L) each, padded on the right to the longest row.

    Args:
        examples: one text, or a pair of texts, in each row.
        pretrained: the model whose tokenizer to use.
        length: largest L; longer rows are cut off.

    Raises:
        InputError: if the inputs are not texts.
    """
    if not isinstance(examples.x, Texts):
        raise InputError("a sentence encoder reads texts, and this dataset holds numbers: choose another model")
    tokenizer = hub.load("AutoTokenizer", pretrained)
    fields = tokenizer(
        *examples.x.parts, padding=True, padding_side="right", truncation=True, max_length=length, return_tensors="pt"
    )
    return Examples(Padded(fields), examples.y)


@model(
    epochs=3,
    batch_size=16,
    optimizer="adamw",
    learning_rate=2e-3,
    weight_decay=0.01,
    schedule="linear",
    checkpoints=3,
    encode=tokens,
    origin=hub.weights_digest,
    libraries=("transformers", "peft"),
)
def sentence_encoder(
    shape: Size, classes: int, pretrained: str = MINILM, rank: int = 8, targets: str = "query value", length: int = 128
) -> nn.Module:
    """A transformer (default MiniLM, 22 million parameters) with LoRA, mean pooling and a linear classifier.

    Args:
        shape: ignored.
        classes: number of classes.
        pretrained: a folder, or the name on the hub, of any encoder in safetensors.
        rank: rank of the adapters.
        targets: last parts of the names of the layers that get adapters, separated by spaces.
        length: largest number of tokens in a row; longer rows are cut off.

    Raises:
        InputError: if the extra `text` is not installed, there is no such encoder, or no layer has such a name.
    """
    encoder = hub.model("AutoModel", pretrained)
    hub.adapt(encoder, rank, targets)
    return SentenceEncoder(encoder, classes)


class SentenceEncoder(nn.Module):
    """An encoder, the mean of its last hidden states over the tokens under the attention mask, and a linear layer."""

    def __init__(self, encoder: nn.Module, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.config.hidden_size, classes)  # type: ignore[union-attr, arg-type]

    def forward(self, attention_mask: Tensor, **fields: Tensor) -> Tensor:
        """Map fields (B, L) to logits (B, classes)."""
        logits: Tensor = self.head(pooled(self.encoder, attention_mask, **fields))
        return logits


def pooled(encoder: nn.Module, attention_mask: Tensor, **fields: Tensor) -> Tensor:
    """The mean (B, d) of an encoder's last hidden states over the tokens under the attention mask (B, L)."""
    hidden: Tensor = encoder(attention_mask=attention_mask, **fields).last_hidden_state
    kept = attention_mask[..., None].to(hidden.dtype)
    return (hidden * kept).sum(1) / kept.sum(1)
