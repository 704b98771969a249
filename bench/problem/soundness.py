"""Whether a model and a loss give each row results of its own: tried on a few rows before a problem is first scored."""

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, Note
from .examples import Examples
from .problem import Problem

ROWS, CLASSES = 3, 256
ROUNDING = {torch.float64: 1e-9, torch.float32: 1e-5}  # relative, of a sum; 0.05 in half precision
OUTPUTS = 100  # a model rounds that much more


class Unsound(Note):
    """The model's outputs for a row are random, or depend on the rows beside it."""


def check(problem: Problem) -> None:
    """Refuse a model or a loss that gives rows no results of their own; once for all problems made from this one.

    Warns:
        Unsound: if outputs are random or depend on other rows, so that scores do, too.

    Raises:
        InputError: if the model or the loss fails, the outputs are no tensor with a row for each sample, or the loss of
            several rows is neither the sum nor the mean of theirs.
    """
    key = "sound", problem.model
    if key in problem.known:
        return
    rows = problem.train[:ROWS].trimmed().to(problem.device)
    named = {id(p): name for name, p in problem.model.named_parameters()}
    devices = [problem.device] if torch.device(problem.device or "cpu").type == "cuda" else []
    with torch.no_grad(), problem.at(problem.state_at()), torch.random.fork_rng(devices):
        with torch.enable_grad():
            outputs = _outputs(problem, rows)
        _refuse_hidden(outputs, named)
        outputs = outputs.detach()
        _check_shape(problem, rows, outputs)
        finite = outputs.reshape(len(rows), -1).isfinite().all(1)  # rows without finite outputs are ranked apart
        rows, outputs = rows[finite], outputs[finite]
        if len(rows):
            _check_rows(problem, rows, outputs)
            _check_loss(problem, *_of_every_class(problem, outputs, rows.y))
    problem.known[key] = True


def _of_every_class(problem: Problem, outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs and labels for a trial of the loss: the same outputs with each class in turn, if labels are classes."""
    if not problem.train.has_classes:
        return outputs, y
    classes = problem.train.y.unique()[:CLASSES].to(y.device)
    each = torch.arange(max(len(classes), len(outputs)), device=y.device)
    return outputs[each % len(outputs)], classes[each % len(classes)]


def _outputs(problem: Problem, rows: Examples) -> Tensor:
    try:
        outputs: Any = rows.through(problem.model)
    except Exception as error:
        inputs = ", ".join(f"{tuple(x.shape)} of {str(x.dtype)[6:]}" for x in rows.tensors.values())
        raise InputError(
            f"the model fails on inputs {inputs}: {_line(error)}; give rows as it was trained on, numbers as floats"
        ) from error
    if not isinstance(outputs, Tensor):
        held = f" with the keys {', '.join(map(str, outputs))}" if isinstance(outputs, Mapping) else ""
        raise InputError(
            f"the model returns a {type(outputs).__name__}{held}: it must return one tensor, or an object that has it "
            "as logits; wrap the model in a module that does"
        )
    return outputs


def _refuse_hidden(outputs: Tensor, named: Mapping[int, str]) -> None:
    """Refuse a model that reaches a parameter by a way that torch does not see: all that it sees are replaced here."""
    ahead, seen = [outputs.grad_fn], set()
    while ahead:
        node = ahead.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if name := named.get(id(getattr(node, "variable", None))):
            raise InputError(
                f"the model also uses {name} through an attribute that torch does not see, such as a list, so that its "
                "gradients and checkpoints would be wrong: use the attribute of the module that owns it"
            )
        ahead += [following for following, _ in node.next_functions]


def _check_shape(problem: Problem, rows: Examples, outputs: Tensor) -> None:
    few = rows[: max(1, len(rows) - 1)]
    for part, some in ((rows, outputs), (few, _outputs(problem, few))):
        if some.ndim == 0 or len(some) != len(part):
            raise InputError(
                f"the model's outputs for {len(part)} rows have the shape {tuple(some.shape)}: their first axis must "
                "be the rows; wrap the model in a module that moves it there"
            )


def _check_rows(problem: Problem, rows: Examples, outputs: Tensor) -> None:
    if not _close(_outputs(problem, rows), outputs):
        _warn("the model's outputs are random in evaluation mode, as with dropout that is never off: scores are, too")
    elif not _close(torch.cat([_outputs(problem, rows[k : k + 1]) for k in range(len(rows))]), outputs):
        _warn("the model's outputs for a row depend on the rows beside it: scores do, too, and on the batch size")


def _check_loss(problem: Problem, outputs: Tensor, y: Tensor) -> None:
    if problem.loss is None:
        if outputs.ndim != 2:
            raise InputError(
                f"cross-entropy needs logits (n, classes), and the outputs are {tuple(outputs.shape)}: give loss="
            )
        for name, part in (("train", problem.train), ("valid", problem.valid)):
            if part is not None and len(part) and int(part.y.max()) >= outputs.shape[1]:
                raise InputError(
                    f"{name}: a label is {int(part.y.max())}, but the model has {outputs.shape[1]} outputs, for the "
                    f"labels 0 to {outputs.shape[1] - 1}"
                )
        return
    try:
        single = problem.losses(outputs, y)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"the loss fails on outputs {tuple(outputs.shape)} and labels {tuple(y.shape)} of {str(y.dtype)[6:]}: "
            f"{_line(error)}"
        ) from error
    try:
        whole = problem.loss(outputs, y)
    except Exception:  # it takes a row at a time alone
        return
    candidates = [single.sum(), single.mean()] if whole.numel() == 1 else [single]
    if whole.numel() not in (1, len(single)) or not any(_close(one, whole.reshape(one.shape), 1) for one in candidates):
        raise InputError(
            "the loss of several rows is neither the sum nor the mean of theirs, as with class weights, or with a mean "
            "over tokens: give a loss that returns a number for each row, as reduction='none' does"
        )


def _close(one: Tensor, other: Tensor, steps: int = OUTPUTS) -> bool:
    """Whether two tensors are the same but for the rounding of so many steps."""
    tolerance = min(0.05, steps * ROUNDING.get(other.dtype, 0.05))
    one, other = one.double(), other.double()
    scale = float(other.abs().max()) if other.numel() else 0.0
    return one.shape == other.shape and torch.allclose(one, other, rtol=tolerance, atol=tolerance * scale)


def _warn(message: str) -> None:
    warnings.warn(message, Unsound, stacklevel=3)


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
