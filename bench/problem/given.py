"""What users give as a model, a loss or a checkpoint, as a problem takes it; what it cannot take is refused."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from .checkpoint import Checkpoint, State

WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)
PREFIXES = ("module.", "_orig_mod.", "model.")
NESTED = ("state_dict", "model_state_dict", "model")


def plain_model(model: object) -> nn.Module:
    """The module itself, without the wrappers that compile it or spread it over devices.

    Raises:
        InputError: if it is no module, is scripted, or has parameters without values.
    """
    if not isinstance(model, nn.Module):
        raise InputError(
            f"model is a {type(model).__name__}: give a torch.nn.Module; from_sklearn makes one of a fitted classifier"
        )
    while isinstance(inner := _wrapped(model), nn.Module):
        model = inner
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise InputError(
                f"{name or 'model'} is scripted or traced, so that its inside cannot be seen: give the module itself"
            )
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if isinstance(tensor, nn.parameter.UninitializedParameter | nn.parameter.UninitializedBuffer):
            raise InputError(f"{name} of the model is lazy and has no shape yet: call the model on a batch first")
        if tensor.is_meta:
            raise InputError(f"{name} of the model is on the device meta and has no values: load the model's weights")
    return model


def _wrapped(model: nn.Module) -> object:
    return model.module if isinstance(model, WRAPPERS) else getattr(model, "_orig_mod", None)


def precision(model: nn.Module) -> torch.dtype:
    """The dtype of the model's first floating parameter, to which inputs are cast; float32 if there is none."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)


def plain_loss(loss: Callable[..., Tensor] | None) -> Callable[..., Tensor] | None:
    """The loss; one with class weights keeps them for each sample, where the mean over a batch of one loses them."""
    if isinstance(loss, nn.CrossEntropyLoss | nn.NLLLoss) and loss.weight is not None and loss.reduction == "mean":
        loss = copy.copy(loss)
        loss.reduction = "none"
    return loss


def checkpoint(given: Any) -> Checkpoint:
    """A checkpoint from a state dict, the path of a safetensors file, or a pair of these and a learning rate.

    Raises:
        InputError: if it is a file of another kind.
    """
    if isinstance(given, Checkpoint):
        made = given
    elif isinstance(given, tuple | list):
        made = Checkpoint(*given)
    else:
        made = Checkpoint(given)
    if isinstance(made.source, str | Path):
        file = Path(made.source)
        if file.suffix != ".safetensors":
            raise InputError(
                f"the checkpoint {file} is no safetensors file, and others can run code: give the state dict in it"
            )
        made = Checkpoint(file, made.learning_rate)
    return made


def fitting(saved: Mapping[str, Any], model: nn.Module) -> State:
    """The tensors of a saved state under the names that the model has, without those that wrappers put before them.

    Args:
        saved: a state dict, or a mapping that holds one.
        model: the model; the saved state may lack its buffers and its frozen parameters.

    Raises:
        InputError: if names are missing or unexpected, or a shape is not the model's.
    """
    own = dict((*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)))
    needed = {name for name, p in model.named_parameters() if p.requires_grad}
    for key in NESTED:
        if isinstance(nested := saved.get(key), Mapping):
            saved = nested
    tensors = {name: value for name, value in saved.items() if isinstance(value, Tensor)}
    while (prefix := _shared_prefix(tensors, own)) is not None:
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    missing, unexpected = sorted(needed - tensors.keys()), sorted(tensors.keys() - own.keys())
    if missing or unexpected:
        lacks = f"lacks {_some(missing)}" if missing else ""
        has = f"has {_some(unexpected)}, which the model has not" if unexpected else ""
        raise InputError(f"a checkpoint {' and '.join(filter(None, (lacks, has)))}: give the state dict of this model")
    for name, tensor in tensors.items():
        if tensor.shape != own[name].shape:
            raise InputError(
                f"a checkpoint has {name} in the shape {tuple(tensor.shape)}, and the model in the shape "
                f"{tuple(own[name].shape)}: give the state dict of this model"
            )
    return tensors


def _shared_prefix(tensors: State, own: State) -> str | None:
    """A wrapper's prefix of all names, if the model itself has no such names."""
    if not tensors or tensors.keys() <= own.keys():
        return None
    return next((prefix for prefix in PREFIXES if all(name.startswith(prefix) for name in tensors)), None)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"
