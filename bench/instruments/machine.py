"""The machine on which a run's figures are measured, and the commit of the code that measures them."""

import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import torch

from ..fingerprint import ROOT


def describe() -> dict[str, Any]:
    """The machine's processor, cores, memory, system and accelerator; None or empty where the system does not say."""
    memory = _field("/proc/meminfo", "MemTotal")
    return {
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": cores(),
        "memory_bytes": int(memory.split()[0]) * 1024 if memory else None,
        "system": f"{platform.system()} {platform.machine()}",
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def cores() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def commit() -> str | None:
    """The commit of the checkout that this package runs from, `-dirty` if it was changed; None if it is no checkout."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        return None
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or None


def _field(file: str, name: str) -> str:
    """The value of the first line `name: value` of a file of /proc; empty where there is none."""
    path = Path(file)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
