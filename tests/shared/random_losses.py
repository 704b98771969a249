"""What random models put out and are judged by: labels, a loss as its user writes it, and the loss of a row."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

C = 3
WEIGHT = torch.tensor([0.5, 1.0, 3.0])


@dataclass(frozen=True)
class Goal:
    """The outputs of a model and its loss.

    Attributes:
        shape: `rows` of C numbers, `number`, `column` (n, 1), or C numbers at each of the `places` of a row.
        y: makes the labels of outputs.
        loss: as a user gives it; None for the default.
        of_row: the loss of a single row, by its outputs (1, ...) and labels (1, ...): a number.
        refused: a part of the line by which `score` has to refuse the loss; empty if it must not.
    """

    shape: str
    y: Callable[[torch.Tensor], torch.Tensor]
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None
    of_row: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    refused: str = ""


def classes(out):
    return torch.arange(len(out)) % C


def zero_one(out):
    return (torch.rand(out.shape) < 0.5).to(out.dtype)


def numbers(out):
    return torch.randn(out.shape, dtype=out.dtype)


def simplex(out):
    return torch.rand(out.shape, dtype=out.dtype).softmax(1)


def by_place(out):
    """A class (n, ...) for each place, of which one is ignored in each second row."""
    y = torch.randint(C, (len(out), *out.shape[2:]))
    y.flatten(1)[::2, 0] = -100
    return y


def weighted(reduction):
    return nn.CrossEntropyLoss(weight=WEIGHT, reduction=reduction)


def focal(out, y):
    p = out.softmax(1).gather(1, y[:, None])[:, 0]
    return (-((1 - p) ** 2) * p.log()).mean()


def over_places(out, y):
    """The mean over a row's places that are not ignored."""
    loss, seen = F.cross_entropy(out, y, reduction="none"), y != -100
    return (loss * seen).flatten(1).sum(1) / seen.flatten(1).sum(1)


def large_errors_alone(out, y):
    error = (out - y).abs()
    return error[error > 0.5].square().sum()


def with_item(out, y):
    scale = 2.0 if (out - y).abs().max().item() > 1 else 1.0
    return (
        scale * F.mse_loss(out, y, reduction="none").flatten(1).sum(1) if len(out) == 1 else by_row(with_item)(out, y)
    )


def by_row(loss):
    return lambda out, y: torch.stack([loss(out[k : k + 1], y[k : k + 1]).sum() for k in range(len(out))])


def ce(weight=None, **more):
    return lambda out, y: F.cross_entropy(out, y, None if weight is None else weight.to(out), **more)


GOALS = {
    "classes": Goal("rows", classes, None, ce()),
    "classes, sum": Goal("rows", classes, nn.CrossEntropyLoss(reduction="sum"), ce()),
    "classes, weights": Goal("rows", classes, weighted("mean"), ce(weight=WEIGHT, reduction="sum")),
    "classes, weights, sum": Goal("rows", classes, weighted("sum"), ce(weight=WEIGHT, reduction="sum")),
    "classes, weights, by row": Goal("rows", classes, weighted("none"), ce(weight=WEIGHT, reduction="sum")),
    "classes, weights in a function": Goal(
        "rows", classes, ce(weight=WEIGHT), ce(), "neither the sum nor the mean"
    ),
    "classes, smoothed": Goal("rows", classes, nn.CrossEntropyLoss(label_smoothing=0.1), ce(label_smoothing=0.1)),
    "classes, smoothed and weighted": Goal(
        "rows", classes, nn.CrossEntropyLoss(WEIGHT, label_smoothing=0.1),
        ce(weight=WEIGHT, label_smoothing=0.1, reduction="sum"),
    ),
    "likelihood": Goal("rows", classes, lambda out, y: F.nll_loss(out.log_softmax(1), y), ce()),
    "focal": Goal("rows", classes, focal, focal),
    "margin": Goal("rows", classes, nn.MultiMarginLoss(), F.multi_margin_loss),
    "shares": Goal("rows", simplex, nn.CrossEntropyLoss(), ce()),
    "divergence": Goal(
        "rows", simplex, lambda out, y: F.kl_div(out.log_softmax(1), y, reduction="batchmean"),
        lambda out, y: F.kl_div(out.log_softmax(1), y, reduction="sum"),
    ),
    "many labels": Goal("rows", zero_one, nn.BCEWithLogitsLoss(), F.binary_cross_entropy_with_logits),
    "many labels, sum": Goal(
        "rows", zero_one, nn.BCEWithLogitsLoss(reduction="sum"),
        lambda out, y: F.binary_cross_entropy_with_logits(out, y, reduction="sum"),
    ),
    "many labels, by label": Goal(
        "rows", zero_one, nn.BCEWithLogitsLoss(reduction="none"), F.binary_cross_entropy_with_logits, "the loss"
    ),
    "numbers": Goal("rows", numbers, nn.MSELoss(), F.mse_loss),
    "large errors": Goal("rows", numbers, large_errors_alone, large_errors_alone),
    "item": Goal("rows", numbers, with_item, with_item),
    "a number": Goal("number", numbers, nn.MSELoss(), F.mse_loss),
    "a number, robust": Goal("number", numbers, nn.HuberLoss(reduction="none"), F.huber_loss),
    "a logit": Goal("number", zero_one, nn.BCEWithLogitsLoss(), F.binary_cross_entropy_with_logits),
    "a logit, weighted": Goal(
        "number", zero_one, nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0)),
        lambda out, y: F.binary_cross_entropy_with_logits(out, y, pos_weight=torch.tensor(3.0)),
    ),
    "a column": Goal("column", zero_one, nn.BCEWithLogitsLoss(), F.binary_cross_entropy_with_logits),
    "a column, class labels": Goal("column", lambda out: classes(out) % 2, None, ce(), "a label is 1, but the model"),
    "places": Goal("places", by_place, over_places, over_places),
    "places, mean of all": Goal(
        "places", by_place, nn.CrossEntropyLoss(), over_places, "neither the sum nor the mean"
    ),
    "places, sum": Goal("places", by_place, nn.CrossEntropyLoss(reduction="sum"), ce(reduction="sum")),
    "places, a class a row": Goal("places", classes, None, ce(), "the outputs are"),
}  # fmt: skip
