"""States of a model along its training."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """A state dict, or the safetensors file that holds one, and the learning rate in force when it was taken."""

    source: State | Path
    learning_rate: float = 1.0

    @property
    def state(self) -> State:
        """The state dict; a file is read anew each time, so that checkpoints can be streamed."""
        return load_file(self.source) if isinstance(self.source, Path) else self.source
