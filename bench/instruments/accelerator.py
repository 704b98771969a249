"""The device that work is done on: which there is, and of CUDA when it is done and the memory that it takes."""

import torch

from ..errors import InputError


def found(name: str) -> torch.device:
    """The device of that name: `cpu`, `cuda`, or one of several CUDA devices, `cuda:1`.

    Raises:
        InputError: if it is none of these, or this machine has none such.
    """
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdecimal()):
        raise InputError(f"there is no device {name!r}: give cpu, cuda, or cuda:1 for the second of several")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"torch finds {torch.cuda.device_count()} CUDA devices here, and so no {name}: give cpu")
    return device


def described(device: torch.device) -> str:
    """What the device is."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def synchronize() -> None:
    """Wait for what the device still has to do, so that its time is charged to whoever asked for it."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def peak_bytes() -> int:
    """Most bytes of tensors on the device since `reset_peak`; 0 without one."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_initialized() else 0


def reset_peak() -> None:
    """Make what is allocated now the peak."""
    if torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()
