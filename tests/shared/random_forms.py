"""Blocks of random models for sequences, images and tokens."""

import torch
from random_blocks import ROWS, By, D, T, linear, matrix
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

TOKENS = 7


def channels(module):
    """A module for channels first, applied to a sequence with channels last."""
    return By(lambda self, x: self.inner(x.transpose(1, 2)).transpose(1, 2), inner=module)


def positions_first(module):
    return By(lambda self, x: self.inner(x.transpose(0, 1)).transpose(0, 1), inner=module)


def merged(self, x):
    return torch.tanh(self.fc(x.reshape(-1, D))).view(x.shape)


def packed_tokens(self, x):
    """Only the positions above a threshold go through a layer, all rows' side by side."""
    kept = x[..., 0] > -0.3
    return x.masked_scatter(kept[..., None], torch.tanh(self.fc(x[kept])))


def packed(self, x):
    """A recurrent network on rows of the lengths that their first entries tell."""
    lengths = (x[:, :, 0] > 0).sum(1).clamp(min=1).cpu()
    order = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(self.rnn(order)[0], batch_first=True, total_length=x.shape[1])[0]


def packed_linear(self, x):
    """A layer on the entries of packed rows."""
    lengths = (x[:, :, 0] > 0).sum(1).clamp(min=1).cpu()
    order = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    order = order._replace(data=torch.tanh(self.fc(order.data)))
    return pad_packed_sequence(order, batch_first=True, total_length=x.shape[1])[0]


def attention(self, x):
    q, k, v = self.qkv(x).chunk(3, -1)
    return self.out(F.scaled_dot_product_attention(q, k, v))


def encoder_layer(**more):
    return nn.TransformerEncoderLayer(D, 2, 5, **{"batch_first": True} | more)


def with_class_token(self, x):
    x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.place
    return self.fc(x)[:, 1:] + self.fc(x)[:, :1]


SEQUENCES = ROWS | {
    "attention": lambda: By(
        lambda self, x: self.inner(x, x, x, need_weights=False)[0], inner=nn.MultiheadAttention(D, 2, batch_first=True)
    ),
    "attention, positions first": lambda: positions_first(
        By(lambda self, x: self.inner(x, x, x)[0], inner=nn.MultiheadAttention(D, 2))
    ),
    "attention across": lambda: By(
        lambda self, x: x + self.inner(x[:, :1], x, x)[0], inner=nn.MultiheadAttention(D, 1, batch_first=True)
    ),
    "attention with other widths": lambda: By(
        lambda self, x: self.inner(x, x[..., :2], x[..., :3])[0],
        inner=nn.MultiheadAttention(D, 2, kdim=2, vdim=3, add_bias_kv=True, batch_first=True),
    ),
    "attention by hand": lambda: By(attention, qkv=nn.Linear(D, 3 * D), out=linear()),
    "encoder": encoder_layer,
    "encoder, norm first": lambda: encoder_layer(norm_first=True, activation="gelu"),
    "encoder, positions first": lambda: positions_first(encoder_layer(batch_first=False)),
    "encoders": lambda: nn.TransformerEncoder(encoder_layer(), 2, nn.LayerNorm(D)),
    "lstm": lambda: By(lambda self, x: self.rnn(x)[0], rnn=nn.LSTM(D, D, batch_first=True)),
    "lstm, projected": lambda: By(lambda self, x: self.rnn(x)[0], rnn=nn.LSTM(D, 6, proj_size=D, batch_first=True)),
    "gru, both ways": lambda: By(
        lambda self, x: self.rnn(x)[0], rnn=nn.GRU(D, D // 2, 2, bidirectional=True, dropout=0.2, batch_first=True)
    ),
    "rnn, positions first": lambda: positions_first(By(lambda self, x: self.rnn(x)[0], rnn=nn.RNN(D, D))),
    "cell": lambda: By(
        lambda self, x: torch.stack([self.cell(x[:, t]) for t in range(x.shape[1])], 1), cell=nn.GRUCell(D, D)
    ),
    "packed rnn": lambda: By(packed, rnn=nn.LSTM(D, D, batch_first=True)),
    "packed linear": lambda: By(packed_linear, fc=linear()),
    "packed tokens": lambda: By(packed_tokens, fc=linear()),
    "conv": lambda: channels(nn.Sequential(nn.Conv1d(D, D, 3, padding=1), nn.ReLU())),
    "conv, depthwise": lambda: channels(nn.Conv1d(D, D, 3, padding="same", groups=D, bias=False)),
    "conv, transposed": lambda: channels(nn.ConvTranspose1d(D, D, 3, padding=1)),
    "batch norm": lambda: channels(nn.BatchNorm1d(D)),
    "group norm": lambda: channels(nn.GroupNorm(2, D)),
    "positions first": lambda: positions_first(nn.Sequential(linear(), nn.Tanh())),
    "merged": lambda: By(merged, fc=linear()),
    "merged, positions first": lambda: positions_first(By(merged, fc=linear())),
    "places": lambda: By(lambda self, x: x + self.place, place=matrix(T, D)),
    "places, looked up": lambda: By(lambda self, x: x + self.place(torch.arange(x.shape[1])), place=nn.Embedding(T, D)),
    "class token": lambda: By(with_class_token, token=matrix(1, 1, D), place=matrix(T + 1, D), fc=linear()),
    "mix positions": lambda: By(lambda self, x: self.fc(x.transpose(1, 2)).transpose(1, 2), fc=nn.Linear(T, T)),
    "one layer a position": lambda: By(
        lambda self, x: torch.stack([layer(x[:, t]) for t, layer in enumerate(self.fcs)], 1),
        fcs=nn.ModuleList([linear() for _ in range(T)]),
    ),
}
"""Blocks (n, T, D) -> (n, T, D)."""

IMAGES = {
    "conv": lambda: nn.Sequential(nn.Conv2d(D, D, 3, padding=1), nn.ReLU(inplace=True)),
    "conv, strided": lambda: nn.Sequential(nn.Conv2d(D, D, 3, (2, 1), 1, (1, 1), bias=False), nn.Tanh()),
    "conv, groups": lambda: nn.Conv2d(D, D, (1, 3), padding=(0, 1), groups=2),
    "conv, circular": lambda: nn.Conv2d(D, D, 3, padding=1, padding_mode="circular"),
    "conv, transposed": lambda: nn.ConvTranspose2d(D, D, 3, padding=1),
    "conv, weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(D, D, 3, padding=1)),
    "conv, spectral norm": lambda: nn.utils.parametrizations.spectral_norm(nn.Conv2d(D, D, 1)),
    "batch norm": lambda: nn.BatchNorm2d(D),
    "group norm": lambda: nn.GroupNorm(2, D),
    "instance norm": lambda: nn.InstanceNorm2d(D, affine=True),
    "residual": lambda: By(lambda self, x: F.relu(x + self.conv(x)), conv=nn.Conv2d(D, D, 3, padding=1)),
    "pool": lambda: nn.MaxPool2d(2, 1, 1),
    "channels last": lambda: By(
        lambda self, x: self.conv(x.contiguous(memory_format=torch.channels_last)),
        conv=nn.Conv2d(D, D, 3, padding=1).to(memory_format=torch.channels_last),
    ),
    "rows of pixels": lambda: By(
        lambda self, x: self.fc(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), fc=nn.Sequential(nn.LayerNorm(D), linear())
    ),
    "scale of channels": lambda: By(lambda self, x: x * self.w.view(1, D, 1, 1), w=matrix(D)),
    "squeeze and excite": lambda: By(
        lambda self, x: x * self.fc(x.mean((2, 3))).sigmoid()[..., None, None], fc=linear()
    ),
    "own filter": lambda: By(
        lambda self, x: F.conv2d(
            x.reshape(1, -1, *x.shape[2:]), self.fc(x.mean((2, 3))).reshape(-1, 1, 1, 1), groups=x.shape[0] * D
        ).view(x.shape),
        fc=linear(),
    ),
}  # fmt: skip
"""Blocks (n, D, h, w) -> (n, D, h, w)."""


def masked(self, tokens):
    h = self.embed(tokens)
    return h * (tokens != 0)[..., None]


READS = {
    "embedding": lambda: nn.Embedding(TOKENS, D),
    "embedding with padding": lambda: nn.Embedding(TOKENS, D, padding_idx=0),
    "embedding, sparse": lambda: nn.Embedding(TOKENS, D, sparse=True),
    "embedding, max norm": lambda: nn.Embedding(TOKENS, D, max_norm=1.0),
    "embedding, by frequency": lambda: nn.Embedding(TOKENS, D, scale_grad_by_freq=True),
    "masked": lambda: By(masked, embed=nn.Embedding(TOKENS, D)),
    "one hot": lambda: By(lambda self, x: F.one_hot(x, TOKENS).to(self.w.dtype) @ self.w, w=matrix(TOKENS, D)),
    "indexed": lambda: By(lambda self, x: self.w[x], w=matrix(TOKENS, D)),
}
"""Blocks from tokens (n, T) to (n, T, D)."""
