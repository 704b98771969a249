"""A model as passes run it: in evaluation mode, with all activations kept, attention in plain functions if need be."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils import checkpoint


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode, with all activations kept; every module's own mode is restored afterwards.

    Activation checkpoints would call functions again in a backward pass, unseen, and some refuse gradients with respect
    to chosen tensors.
    """
    modes = {module: module.training for module in model.modules()}
    names = vars(checkpoint)
    before = {name: names[name] for name in STAND_INS if name in names}
    model.eval()
    names.update({name: STAND_INS[name] for name in before})
    try:
        yield
    finally:
        names.update(before)
        for module, training in modes.items():
            module.training = training


class _Kept:
    """Calls a function in place of a checkpoint that recomputes it."""

    @staticmethod
    def apply(function: Callable[..., Any], _: bool, *args: Any) -> Any:
        return function(*args)


def _kept(*_: Any, **__: Any) -> Iterator[None]:
    """Saves nothing around the call of a function, in place of a checkpoint that recomputes it."""
    yield


STAND_INS = {"CheckpointFunction": _Kept, "_checkpoint_without_reentrant_generator": _kept}
"""What stands in for the parts of `torch.utils.checkpoint` that recompute activations."""


@contextmanager
def plain_attention() -> Iterator[None]:
    """Run attention as separate torch functions, which can be watched, and not as one fused call."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
