"""The device that runs the work, and the clock and memory gauge of CUDA devices."""

import torch

from ..errors import InputError


def device(name: str) -> torch.device:
    """The torch device of a name: `cpu`, `cuda`, or `cuda:1` for the second of several.

    Raises:
        InputError: if the name is none of these, or this machine has no such device.
    """
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdecimal()):
        raise InputError(f"there is no device {name!r}: give cpu, cuda, or cuda:1 for the second of several")
    named = torch.device(name)
    if named.type == "cuda" and (named.index or 0) >= torch.cuda.device_count():
        raise InputError(f"torch finds {torch.cuda.device_count()} CUDA devices here, and so no {name}: give cpu")
    return named


def device_name(device: torch.device) -> str:
    """The product name of a CUDA device; `cpu` for the processor."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def synchronize() -> None:
    """Wait until the CUDA device has done its queued work, so that its time is charged to the caller."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def peak_bytes() -> int:
    """The most bytes of tensors on the CUDA device since `reset_peak`; 0 without one."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_initialized() else 0


def reset_peak() -> None:
    """Make the bytes that are allocated now the peak."""
    if torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()
