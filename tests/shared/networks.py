"""Small networks, one for each way in which a model can use a parameter, and the definition of their gradients."""

import torch
from modules import (
    CLASSES,
    TOKENS,
    Attends,
    CalledTwice,
    Encoder,
    Idle,
    InPlace,
    LowRank,
    Mean,
    Merged,
    Own,
    OwnFunction,
    Recurrent,
    Sequence,
    Tied,
    Words,
)
from torch import nn

import influence_bench as ib
from influence_bench.bench.models.networks import ResidualBlock


def images(*layers):
    """A network for images with 2 channels: the layers, a mean over pixels, a linear layer."""
    return nn.Sequential(*layers, nn.Tanh(), nn.Flatten(2), Mean(), nn.LazyLinear(CLASSES))


def mlp(**more):
    """Two linear layers, with dropout, and an identity after the last."""
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
"""Networks all of whose parameters have closed forms: how to build each, and the shape of an input (None: tokens)."""
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
"""Networks with a parameter without a closed form: how to build each, the shape of an input, and the reason."""


def problem_of(build, shape, dtype=torch.float64, **more):
    """A network with 23 random training rows and 7 validation rows, of tokens if the shape is None."""
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
    """Gradients (n, p) of the loss by autograd, one sample at a time."""
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
