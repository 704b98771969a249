"""Small networks, one for each way in which a parameter can be used, and the definition of their gradients."""

import torch
from torch import nn
from torch.nn import functional as F

import influence_bench as ib
from influence_bench.bench.models.networks import ResidualBlock

CLASSES, TOKENS = 3, 11


class InPlace(nn.Module):
    """Batch normalisation, in-place activations and an in-place shortcut, as torchvision's networks have them."""

    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.norm2 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.GroupNorm(2, 4)
        self.fc = nn.Linear(4, CLASSES)

    def forward(self, x):
        x = F.relu(self.norm1(self.conv1(x)), inplace=True)
        out = self.norm2(self.conv2(x))
        out += x
        return self.fc(F.relu_(out).mean((2, 3)))


class Sequence(nn.Module):
    """Linear layers at every position, layer normalisation, then a mean over positions."""

    def __init__(self, width, positions_first=False):
        super().__init__()
        self.up, self.norm, self.fc = nn.Linear(5, width), nn.LayerNorm(width), nn.Linear(width, CLASSES)
        self.positions_first = positions_first

    def forward(self, x):
        x = x.transpose(0, 1) if self.positions_first else x
        return self.fc(torch.tanh(self.norm(self.up(x))).mean(0 if self.positions_first else 1))


class Merged(nn.Module):
    """Samples and positions in one axis, as vision transformers and video networks have them."""

    def __init__(self, samples_last=False):
        super().__init__()
        self.up, self.fc, self.samples_last = nn.Linear(5, 4), nn.Linear(4, CLASSES), samples_last

    def forward(self, x):
        batch, positions, _ = x.shape
        flat = (x.transpose(0, 1) if self.samples_last else x).reshape(batch * positions, -1)
        up = torch.tanh(self.up(flat))
        up = up.reshape(positions, batch, -1).transpose(0, 1) if self.samples_last else up.reshape(batch, positions, -1)
        return self.fc(up.mean(1))


class Tied(nn.Module):
    """One weight in two modules."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.fc = nn.Linear(4, 4), nn.Linear(4, 4, bias=False), nn.Linear(4, CLASSES)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.fc(torch.tanh(self.second(torch.tanh(self.first(x)))))


class CalledTwice(nn.Module):
    """A layer, a convolution and a norm that are called twice each."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 2, 3, padding=1), nn.GroupNorm(1, 2)
        self.mix, self.fc = nn.Linear(2, 2), nn.Linear(2, CLASSES)

    def forward(self, x):
        x = torch.tanh(self.norm(self.conv(torch.tanh(self.norm(self.conv(x)))))).mean((2, 3))
        return self.fc(torch.tanh(self.mix(torch.tanh(self.mix(x)))))


class Words(nn.Module):
    """An embedding with padding; tied, its weight also gives the logits at each position."""

    def __init__(self, tied=False):
        super().__init__()
        self.embed, self.mix = nn.Embedding(TOKENS, 4, padding_idx=0), nn.Linear(4, 4)
        self.fc, self.tied = nn.Linear(TOKENS if tied else 4, CLASSES), tied

    def forward(self, x):
        h = torch.tanh(self.mix(self.embed(x)))
        return self.fc((F.linear(h, self.embed.weight) if self.tied else h).mean(1))


class Encoder(nn.Module):
    """A transformer encoder with multi-head attention, a class token and position parameters."""

    def __init__(self, batch_first=True, norm_first=False):
        super().__init__()
        self.token, self.place = nn.Parameter(torch.randn(1, 1, 6)), nn.Parameter(torch.randn(5, 6))
        layer = nn.TransformerEncoderLayer(6, 2, 8, batch_first=batch_first, norm_first=norm_first)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.up, self.fc, self.batch_first = nn.Linear(5, 6), nn.Linear(6, CLASSES), batch_first

    def forward(self, x):
        x = torch.cat([self.token.expand(len(x), -1, -1), self.up(x)], 1) + self.place
        if self.batch_first:
            return self.fc(self.encoder(x)[:, 0])
        return self.fc(self.encoder(x.transpose(0, 1))[0])


class Attends(nn.Module):
    """Attention from one sequence to another, whose packed weight is cut up first."""

    def __init__(self):
        super().__init__()
        self.attention, self.fc = nn.MultiheadAttention(6, 2, batch_first=True), nn.Linear(6, CLASSES)

    def forward(self, x):
        return self.fc(self.attention(x[:, :2], x, x)[0].mean(1))


class Own(nn.Module):
    """Parameters used by hand: a matrix from the right, addmm, a scale, a root-mean-square norm, weight of a child."""

    def __init__(self):
        super().__init__()
        self.right, self.scale = nn.Parameter(torch.randn(4, 4) / 2), nn.Parameter(torch.rand(4))
        self.offset, self.rms = nn.Parameter(torch.randn(4)), nn.RMSNorm(4)
        self.child, self.fc = nn.Linear(4, 4), nn.Linear(4, CLASSES)

    def forward(self, x):
        x = self.rms(torch.tanh(x @ self.right)) * self.scale
        x = torch.tanh(torch.addmm(self.offset, x, self.right))
        return self.fc(torch.tanh(F.linear(x, self.child.weight) + self.child.bias))


class LowRank(nn.Module):
    """A frozen layer with a trained pair of low rank beside it."""

    def __init__(self):
        super().__init__()
        self.base, self.lora_A = nn.Linear(5, 6), nn.Linear(5, 2, bias=False)
        self.lora_B, self.fc = nn.Linear(2, 6, bias=False), nn.Linear(6, CLASSES)

    def forward(self, x):
        return self.fc(torch.tanh(self.base(x) + 2 * self.lora_B(self.lora_A(x))).mean(1))


class OwnFunction(nn.Module):
    """A parameter that goes into an autograd function, whose inside nobody sees."""

    def __init__(self):
        super().__init__()
        self.mix, self.fc = nn.Linear(4, 4), nn.Linear(4, CLASSES)

    def forward(self, x):
        return self.fc(torch.tanh(Hidden.apply(x, self.mix.weight)))


class Hidden(torch.autograd.Function):
    """A product with a matrix that is no torch function."""

    @staticmethod
    def forward(x, weight):
        return x @ weight.T

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, delta):
        x, weight = ctx.saved_tensors
        return delta @ weight, delta.T @ x


class OverwritesItsInput(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(2, 3, 1), nn.Linear(2, CLASSES)

    def forward(self, x):
        x = x * 1
        out = self.conv(x)
        x += 1
        return self.fc(x.mean((2, 3))) + out.mean((2, 3))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.fc = nn.GRU(5, 4, batch_first=True), nn.Linear(4, CLASSES)

    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])


class Idle(nn.Module):
    def __init__(self):
        super().__init__()
        self.idle, self.fc = nn.Linear(4, 4), nn.Linear(4, CLASSES)

    def forward(self, x):
        return self.fc(x)


def images(*layers):
    """A network of 2 × 6 × 6 images: the layers, a mean over pixels, a linear layer."""
    return nn.Sequential(*layers, nn.Tanh(), nn.Flatten(2), Mean(), nn.LazyLinear(CLASSES))


class Mean(nn.Module):
    def forward(self, x):
        return x.mean(2)


def mlp(**more):
    return nn.Sequential(
        nn.Linear(4, 6, **more), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, CLASSES, **more), nn.Identity()
    )


CLOSED = {
    "linear": (lambda: nn.Linear(4, CLASSES), (4,)),
    "mlp": (mlp, (4,)),
    "no bias": (lambda: mlp(bias=False), (4,)),
    "batch norm of features": (lambda: nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, CLASSES)), (4,)),
    "in place": (InPlace, (2, 6, 6)),
    "residual": (lambda: nn.Sequential(ResidualBlock(2, 4, 2), nn.Flatten(), nn.Linear(36, CLASSES)), (2, 6, 6)),
    "few positions, wide": (lambda: Sequence(40), (3, 5)),
    "many positions, narrow": (lambda: Sequence(2), (30, 5)),
    "positions first": (lambda: Sequence(4, positions_first=True), (3, 5)),
    "as many positions as samples": (lambda: Sequence(4, positions_first=True), (5, 5)),
    "positions merged with samples": (Merged, (3, 5)),
    "positions and samples alternating": (lambda: Merged(samples_last=True), (3, 5)),
    "softmax after the last layer": (lambda: nn.Sequential(nn.Linear(4, CLASSES), nn.LogSoftmax(1)), (4,)),
    "conv1d": (lambda: images(nn.Flatten(2), nn.Conv1d(2, 4, 5, stride=2, padding=1, dilation=2)), (2, 6, 6)),
    "conv2d, strided and dilated": (lambda: images(nn.Conv2d(2, 5, (3, 2), (2, 1), (1, 2), (2, 1))), (2, 6, 6)),
    "conv2d, groups": (lambda: images(nn.Conv2d(2, 4, 3, groups=2), nn.Conv2d(4, 4, 3, groups=4)), (2, 6, 6)),
    "conv2d, same": (lambda: images(nn.Conv2d(2, 4, (4, 3), padding="same", dilation=(1, 2))), (2, 6, 6)),
    "conv2d, valid": (lambda: images(nn.Conv2d(2, 4, 3, padding="valid")), (2, 6, 6)),
    "conv2d, circular": (lambda: images(nn.Conv2d(2, 4, 3, padding=1, padding_mode="circular")), (2, 6, 6)),
    "conv2d, wide": (lambda: images(nn.Conv2d(2, 30, 3, padding=1), nn.Conv2d(30, 30, 3, padding=1)), (2, 3, 3)),
    "conv2d, wide, kernel not square": (
        lambda: images(nn.Conv2d(2, 30, 1), nn.Conv2d(30, 40, (3, 1), padding=(1, 0))),
        (2, 3, 4),
    ),
    "conv2d, wide and strided": (lambda: images(nn.Conv2d(2, 30, 1), nn.Conv2d(30, 40, 3, 2, 1)), (2, 4, 4)),
    "conv3d": (lambda: images(nn.Unflatten(1, (1, 2)), nn.Conv3d(1, 4, (2, 3, 3)), nn.Flatten(2)), (2, 6, 6)),
    "embedding": (Words, None),
    "tied embedding": (lambda: Words(tied=True), None),
    "encoder": (Encoder, (4, 5)),
    "encoder, norm first, positions first": (lambda: Encoder(batch_first=False, norm_first=True), (4, 5)),
    "tied": (Tied, (4,)),
    "called twice": (CalledTwice, (2, 6, 6)),
    "used by hand": (Own, (4,)),
    "low rank": (LowRank, (3, 5)),
    "idle": (Idle, (4,)),
}
FALLBACKS = {
    "attention to another sequence": (Attends, (4, 6), "split"),
    "a function of its own": (OwnFunction, (4,), "it goes into __get__"),
    "recurrent": (Recurrent, (3, 5), "gru"),
    "parametric activation": (
        lambda: nn.Sequential(nn.Linear(4, 4), nn.PReLU(), nn.Linear(4, CLASSES)), (4,), "prelu",
    ),
    "transposed convolution": (lambda: images(nn.ConvTranspose2d(2, 4, 3)), (2, 6, 6), "conv_transpose2d"),
    "weight norm": (
        lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)), nn.Linear(4, CLASSES)), (4,),
        "_weight_norm",
    ),
}  # fmt: skip


def problem_of(build, shape, dtype=torch.float64, **more):
    """23 random rows and 7 validation rows for a network, which may be of tokens (shape None)."""
    torch.manual_seed(0)
    model = build().to(dtype)
    x = torch.randint(TOKENS, (23, 7)) if shape is None else torch.randn(23, *shape, dtype=dtype)
    y = torch.randint(CLASSES, (23,))
    model.eval()(x[:2])
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.track_running_stats:
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.data.normal_()
    valid = x[:7].flip(1) if shape is None else x[:7] + 1
    return ib.Problem(model, train=(x, y), **({"valid": (valid, y[:7]), "batch_size": 5} | more))


def naive(problem, examples, names):
    """Gradients (n, p) of the loss by autograd, one sample at a time, parameter by parameter."""
    model = problem.model.eval()
    parameters = dict(model.named_parameters(remove_duplicate=False))
    rows = []
    for k in range(len(examples)):
        row = examples[k : k + 1]
        loss = problem.losses(row.through(model), row.y).sum()
        grads = torch.autograd.grad(
            loss, [parameters[name] for name in names], allow_unused=True, materialize_grads=True
        )
        rows.append(torch.cat([g.flatten() for g in grads]))
    return torch.stack(rows).double()
