"""Trainings that go on after a kill: one under way lies in a safetensors file, what is not a tensor as JSON in it."""

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

STORE_SECONDS = 5.0  # of work that a kill may cost, or an epoch
STORE_SHARE = 0.05  # of the time that storing may take


class Unfinished(Watch):
    """Goes on with the training that lies in a file, if there is one, and stores it there now and then.

    Args:
        file: where it lies while it is under way.
        advance: is called with the number of steps that are done since the last call.
    """

    def __init__(self, file: Path, advance: Callable[[int], None]) -> None:
        self.file, self.advance = file, advance
        self.stored, self.pause = monotonic(), STORE_SECONDS

    def begin(self, training: Training) -> None:
        """Go on where it was."""
        restore(training, self.file)
        self.advance(training.epoch * training.steps)

    def step(self) -> None:
        """Show it."""
        self.advance(1)

    def epoch(self, training: Training) -> None:
        """Store the training, if it is time to."""
        if (began := monotonic()) - self.stored >= self.pause:
            store(training, self.file)
            self.stored = monotonic()
            self.pause = max(STORE_SECONDS, (self.stored - began) / STORE_SHARE)


def store(training: Training, file: Path) -> None:
    """Write the training's state, whole or not at all; that of a CUDA generator, for dropout there, is not in it."""
    optimizer = training.optimizer.state_dict()
    tensors = {
        "generator": training.generator.get_state(),
        "global generator": torch.get_rng_state(),
        **{f"observed/{k}": figures for k, figures in enumerate(training.observed)},
        **{f"model/{name}": tensor for name, tensor in training.model.state_dict().items()},
        **{f"optimizer/{k}/{name}": value for k, own in optimizer["state"].items() for name, value in own.items()},
        **{f"checkpoint/{k}/{name}": t for k, c in enumerate(training.checkpoints) for name, t in c.state.items()},
    }
    rest = {
        "epoch": training.epoch,
        "learning_rates": [checkpoint.learning_rate for checkpoint in training.checkpoints],
        "groups": optimizer["param_groups"],
        "scheduler": training.scheduler.state_dict(),
    }
    # A tensor that has two names in the model shares its memory, which the format refuses.
    own = {name: tensor.clone() for name, tensor in tensors.items() if tensor is not None}
    write(file, lambda stream: stream.write(save(own, {"rest": json.dumps(rest)})))


def restore(training: Training, file: Path) -> None:
    """Put a training that has not begun into the state that a file holds; without a whole file it stays as it is."""
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
