"""Networks for tables and images."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from torch import Size, Tensor, nn
from torch.nn import functional as F

from ..errors import InputError
from .architecture import model


@model(epochs=50, batch_size=64, optimizer="adam", learning_rate=1e-2)
def logistic(shape: Size, classes: int) -> nn.Module:
    """Multinomial logistic regression on the flattened input."""
    return nn.Sequential(nn.Flatten(), nn.Linear(shape.numel(), classes))


@model(epochs=30, batch_size=64, optimizer="adam", learning_rate=2e-2, weight_decay=3e-3, schedule="one-cycle")
def mlp(shape: Size, classes: int, width: int = 128) -> nn.Module:
    """Two hidden layers of 128 and 64 rectified units, or of `width` and half as many."""
    if width < 2:
        raise InputError(f"mlp: width={width} is out of range: give at least 2")
    widths = (shape.numel(), width, width // 2)
    hidden = [layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(width // 2, classes))


@model(epochs=500, batch_size=10_000, optimizer="adam", learning_rate=3e-2, weight_decay=1e-4)
def two_unit_mlp(shape: Size, classes: int) -> nn.Module:
    """Two hidden layers of two rectified units, the network of Outlier Gradient Analysis for half moons.

    Two logits stand for the paper's sigmoid: the functions are the same. The units' biases start at 1/2: from torch's
    own start a training in six stays at chance, with units that no row activates. Steps are ten times fewer and thirty
    times larger than the paper's 5,000 of 0.001.
    """
    first, second = nn.Linear(shape.numel(), 2), nn.Linear(2, 2)
    for layer in (first, second):
        nn.init.constant_(layer.bias, 0.5)
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), second, nn.ReLU(), nn.Linear(2, classes))


@model(
    epochs=15,
    batch_size=128,
    optimizer="nesterov",
    learning_rate=0.1,
    weight_decay=5e-4,
    schedule="one-cycle",
    augment=True,
)
def small_resnet(shape: Size, classes: int) -> nn.Module:
    """Three residual blocks of 32, 64 and 128 channels with batch normalisation: 0.3 million parameters."""
    return _residual(shape, classes, (32, 32, 64, 128), stride=2)


@model(
    epochs=30,
    batch_size=128,
    optimizer="nesterov",
    learning_rate=0.1,
    weight_decay=5e-4,
    schedule="one-cycle",
    augment=True,
)
def resnet_18(shape: Size, classes: int) -> nn.Module:
    """ResNet-18 in its form for CIFAR, without pooling after the first convolution: 11 million parameters."""
    return _residual(shape, classes, (64, *[64] * 2, *[128] * 2, *[256] * 2, *[512] * 2), stride=1)


@model(
    epochs=100,
    batch_size=128,
    optimizer="sgd",
    learning_rate=0.1,
    weight_decay=5e-4,
    schedule="drop",
    augment=True,
)
def resnet_34(shape: Size, classes: int) -> nn.Module:
    """ResNet-34 in its form for CIFAR, with the recipe of Outlier Gradient Analysis: 21 million parameters."""
    return _residual(shape, classes, (64, *[64] * 3, *[128] * 4, *[256] * 6, *[512] * 3), stride=1)


def _residual(shape: Size, classes: int, widths: Sequence[int], stride: int) -> nn.Module:
    """A convolution to the first width, a residual block for each further width, and a linear layer on the mean.

    A block to a larger width halves height and width of the image.
    """
    return nn.Sequential(
        nn.Conv2d(shape[0], widths[0], 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(widths[0]),
        nn.ReLU(),
        *(ResidualBlock(inputs, outputs, 1 if inputs == outputs else 2) for inputs, outputs in pairwise(widths)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(widths[-1], classes),
    )


class ResidualBlock(nn.Module):
    """Two 3 × 3 convolutions with a shortcut around them (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        conv = partial(nn.Conv2d, bias=False)
        self.conv1, self.norm1 = conv(inputs, outputs, 3, stride=stride, padding=1), nn.BatchNorm2d(outputs)
        self.conv2, self.norm2 = conv(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(conv(inputs, outputs, 1, stride=stride), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        out = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(out + self.shortcut(x))
