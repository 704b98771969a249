"""Small modules, one for each way in which a model can use a parameter."""

import torch
from torch import nn
from torch.nn import functional as F

CLASSES, TOKENS = 3, 11


class InPlace(nn.Module):
    """Batch normalisation, in-place activations and an in-place shortcut, as in torchvision's networks."""

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
    """Samples and positions merged into one axis, as in vision transformers and video networks."""

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
    """Two modules that share a weight."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.fc = nn.Linear(4, 4), nn.Linear(4, 4, bias=False), nn.Linear(4, CLASSES)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.fc(torch.tanh(self.second(torch.tanh(self.first(x)))))


class CalledTwice(nn.Module):
    """A linear layer, a convolution and a norm, each called twice."""

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
    """Attention from one sequence to another, which splits its packed weight before use."""

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
    """A frozen layer plus a trained pair of low-rank layers."""

    def __init__(self):
        super().__init__()
        self.base, self.lora_A = nn.Linear(5, 6), nn.Linear(5, 2, bias=False)
        self.lora_B, self.fc = nn.Linear(2, 6, bias=False), nn.Linear(6, CLASSES)

    def forward(self, x):
        return self.fc(torch.tanh(self.base(x) + 2 * self.lora_B(self.lora_A(x))).mean(1))


class OwnFunction(nn.Module):
    """A parameter that goes into an autograd function, whose inside the engine cannot watch."""

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
    """Changes in place an input that the backward pass needs, so autograd refuses."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(2, 3, 1), nn.Linear(2, CLASSES)

    def forward(self, x):
        x = x * 1
        out = self.conv(x)
        x += 1
        return self.fc(x.mean((2, 3))) + out.mean((2, 3))


class Recurrent(nn.Module):
    """A recurrent layer, whose parameters go into a fused function."""

    def __init__(self):
        super().__init__()
        self.rnn, self.fc = nn.GRU(5, 4, batch_first=True), nn.Linear(4, CLASSES)

    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])


class Idle(nn.Module):
    """A layer that is never called."""

    def __init__(self):
        super().__init__()
        self.idle, self.fc = nn.Linear(4, 4), nn.Linear(4, CLASSES)

    def forward(self, x):
        return self.fc(x)


class Mean(nn.Module):
    """The mean over the pixels of flattened images."""

    def forward(self, x):
        return x.mean(2)
