"""Trainings that resume after a kill: a safetensors file holds the state, and its metadata the rest as JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..files import write
from ..problem.checkpoint import Checkpoint
from .loop import Training, Watch

STORE_SECONDS = 5.0
"""The work that a kill may cost: this time, or an epoch if that takes longer."""
STORE_SHARE = 0.05
"""The largest share of the time that storing may take."""


class Unfinished(Watch):
    """Resumes the training that a file holds, if the file exists, and stores the state there from time to time.

    Args:
        file: holds the state of the unfinished training.
        advance: called with the number of steps since its last call.
    """

    def __init__(self, file: Path, advance: Callable[[int], None]) -> None:
        self.file, self.advance = file, advance
        self.stored, self.pause = monotonic(), STORE_SECONDS

    def begin(self, training: Training) -> None:
        """Restore the stored state."""
        restore(training, self.file)
        self.advance(training.epoch * training.steps)

    def step(self) -> None:
        """Report the step."""
        self.advance(1)

    def epoch(self, training: Training) -> None:
        """Store the state, if the last time is long enough ago."""
        if (began := monotonic()) - self.stored >= self.pause:
            store(training, self.file)
            self.stored = monotonic()
            self.pause = max(STORE_SECONDS, (self.stored - began) / STORE_SHARE)


def store(training: Training, file: Path) -> None:
    """Write the state of a training, whole or not at all.

    The state of a CUDA generator is not in it, so dropout on a GPU differs after a resumption.
    """
    optimizer = training.optimizer.state_dict()
    tensors = {
        "generator": training.generator.get_state(),
        "global generator": torch.get_rng_state(),
        **{f"observed/{k}": figures for k, figures in enumerate(training.observed)},
        **{f"model/{name}": tensor for name, tensor in training.model.state_dict().items()},
        **{f"optimizer/{k}/{name}": value for k, part in optimizer["state"].items() for name, value in part.items()},
        **{f"checkpoint/{k}/{name}": t for k, c in enumerate(training.checkpoints) for name, t in c.state.items()},
    }
    rest = {
        "epoch": training.epoch,
        "learning_rates": [checkpoint.learning_rate for checkpoint in training.checkpoints],
        "groups": optimizer["param_groups"],
        "scheduler": training.scheduler.state_dict(),
    }
    # The format refuses tensors that share memory, as a tensor with two names in the model does.
    separate = {name: tensor.clone() for name, tensor in tensors.items() if tensor is not None}
    write(file, lambda stream: stream.write(save(separate, {"rest": json.dumps(rest)})))


def restore(training: Training, file: Path) -> None:
    """Put a fresh training into the state that a file holds; if the file is missing or incomplete, change nothing."""
    try:
        with safe_open(file, "pt") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            rest = json.loads(stored.metadata()["rest"])
    except (FileNotFoundError, SafetensorError):
        return
    training.model.load_state_dict(_below(tensors, "model/"))
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _below(tensors, "optimizer/").items():
        k, _, key = name.partition("/")
        state.setdefault(int(k), {})[key] = tensor
    training.optimizer.load_state_dict({"state": state, "param_groups": rest["groups"]})
    training.scheduler.load_state_dict(rest["scheduler"])
    training.epoch = rest["epoch"]
    training.observed = [tensors[f"observed/{k}"] for k in range(len(_below(tensors, "observed/")))]
    training.checkpoints = [
        Checkpoint(_below(tensors, f"checkpoint/{k}/"), rate) for k, rate in enumerate(rest["learning_rates"])
    ]
    training.generator.set_state(tensors["generator"])
    torch.set_rng_state(tensors["global generator"])


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
