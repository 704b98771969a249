"""States of a model during its training."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """A state dict, or the safetensors file that holds it, and the learning rate at the step where it was saved."""

    source: State | Path
    learning_rate: float = 1.0

    @property
    def state(self) -> State:
        """The state dict; a file is read at every access, so that only one checkpoint need be in memory."""
        return load_file(self.source) if isinstance(self.source, Path) else self.source
