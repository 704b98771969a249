"""The CUDA device that this process works on, if it has begun to: when it is done, and the memory that it takes."""

import torch


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
