"""Prepared problems: a dataset with a model trained on it, in a cache folder named by a digest of the content."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pooch
import torch
from safetensors.torch import load_file, save_file
from torch import Size, Tensor

from ...datasets.dataset import Dataset
from .. import fingerprint
from ..errors import InputError
from ..instruments import accelerator
from ..instruments.code import reached_code
from ..models.architecture import Architecture, find_model
from ..problem.checkpoint import Checkpoint
from ..problem.dynamics import Dynamics
from ..problem.examples import Examples, Padded
from ..problem.problem import Problem
from ..progress import bar
from ..records import read, record, write
from .loop import Trained, accuracy, batch_sizes, train, trainer
from .resume import Unfinished

BATCH_SIZE = 128
"""The number of rows in each forward pass of the methods."""


@record
class Facts:
    """What is known of a prepared problem.

    Attributes:
        model: its name, with the arguments that are not defaults.
        recipe: how it was trained.
        shape: of a training row.
        classes: how many.
        parameters: of the model.
        seed: of the training and the problem.
        learning_rates: in force at each checkpoint.
        model_accuracy: on the test rows.
    """

    model: str
    recipe: dict[str, Any]
    shape: list[int]
    classes: int
    parameters: int
    seed: int
    learning_rates: list[float]
    model_accuracy: float


def cache_folder() -> Path:
    """The folder of prepared problems: the value of INFLUENCE_BENCH_CACHE, or else a folder in the user's cache."""
    given = os.environ.get("INFLUENCE_BENCH_CACHE")
    return Path(given) if given else Path(pooch.os_cache("influence-bench")) / "problems"


def prepare(data: Dataset, model: str = "mlp", seed: int = 0, device: str = "cpu") -> Problem:
    """Train a model on a dataset's given labels, and return it with its checkpoints as a `Problem`; cached by content.

    Args:
        data: a dataset as `load` returns it; only its training and validation rows reach the problem.
        model: a model of `influence-bench list models`, with its arguments in brackets: `mlp[width=32]`.
        seed: for the initialisation, the order of the rows and the problem.
        device: where to train the model and to put the problem: `cpu`, `cuda` or `cuda:1`.

    Raises:
        InputError: if the model is unknown or does not fit the data, or the machine has no such device.
    """
    return open_problem(prepared(data, model, seed, device), device)


def prepared(data: Dataset, model: str, seed: int, device: str = "cpu") -> Path:
    """The folder of a prepared problem; if it does not exist, train the model and write it.

    The folder's name is a digest of all that the problem depends on: the content of the data, the model with its
    arguments, weights and recipe, the code that builds and trains it, the seed, the type of the device and the versions
    of the libraries.

    Args:
        data: as in `prepare`.
        model: as in `prepare`.
        seed: as in `prepare`.
        device: as in `prepare`.

    Raises:
        InputError: as `prepare` does.
    """
    target = accelerator.device(device)
    architecture = find_model(model)
    data = replace(
        data,
        train=architecture.encoded(data.train),
        valid=architecture.encoded(data.valid),
        test=architecture.encoded(data.test),
    )
    content = fingerprint.tensors([*_rows(data).values(), *_tensors("test", data.test).values()])
    code = training_code(architecture)
    parts = [
        content,
        architecture.label(architecture.given),
        architecture.foundation(),
        repr(architecture.recipe),
        str(seed),
        target.type,
        repr(sorted(code.items())),
        repr(fingerprint.versions(architecture.libraries)),
    ]
    folder = cache_folder() / fingerprint.digest(*parts)
    unfinished = folder.with_name(f".training-{folder.name}.safetensors")
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        _make(folder, data, architecture, seed, target, unfinished)
    unfinished.unlink(missing_ok=True)
    return folder


def training_code(architecture: Architecture) -> dict[str, str]:
    """Digests of the code that trains a model and opens its problems, by module."""
    own = (architecture.function, architecture.encode, architecture.loss, architecture.origin)
    return reached_code(_make, open_problem, *(function for function in own if function is not None))


def _make(
    folder: Path, data: Dataset, architecture: Architecture, seed: int, device: torch.device, unfinished: Path
) -> None:
    """Train the model and write the problem's folder; `unfinished` holds the state of the training meanwhile."""
    steps = architecture.recipe.epochs * len(batch_sizes(len(data.train), architecture.recipe.batch_size))
    try:
        with bar(f"training {architecture.name}", steps) as advance:
            watch = Unfinished(unfinished, advance)
            trained = train(architecture, data.train, len(data.classes), seed, watch, device=device)
    except InputError:
        raise
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        shape = tuple(data.train.shape)
        raise InputError(f"the model {architecture.name} does not fit inputs of shape {shape}: {error}") from error
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
    try:
        _write(partial, data, architecture, seed, trained)
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():  # otherwise another process wrote the same content first
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(folder: Path, data: Dataset, architecture: Architecture, seed: int, trained: Trained) -> None:
    for number, checkpoint in enumerate(trained.checkpoints):
        save_file(dict(checkpoint.state), folder / f"checkpoint-{number}.safetensors")
    if trained.dynamics is not None:
        save_file(trained.dynamics.figures, folder / "dynamics.safetensors")
    save_file({name: tensor.contiguous() for name, tensor in _rows(data).items()}, folder / "rows.safetensors")
    facts = Facts(
        model=architecture.label(architecture.given),
        recipe=asdict(architecture.recipe),
        shape=list(data.train.shape),
        classes=len(data.classes),
        parameters=sum(parameter.numel() for parameter in trained.model.parameters()),
        seed=seed,
        learning_rates=[checkpoint.learning_rate for checkpoint in trained.checkpoints],
        model_accuracy=accuracy(trained.model, data.test),
    )
    write(facts, folder / "problem.json")


def facts_of(folder: Path) -> Facts:
    """The facts of a prepared problem.

    Raises:
        InputError: if the file that holds them is lost or damaged.
    """
    return read(Facts, folder / "problem.json", f"remove {folder}, and the problem is prepared again")


def open_problem(folder: Path, device: str = "cpu", precision: torch.dtype = torch.float32) -> Problem:
    """Open a prepared problem on a device, in a precision; its checkpoints stay on disk until a method reads them."""
    facts = facts_of(folder)
    architecture = find_model(facts.model)
    model = architecture.build(Size(facts.shape), facts.classes)
    checkpoints = [
        Checkpoint(folder / f"checkpoint-{number}.safetensors", rate)
        for number, rate in enumerate(facts.learning_rates)
    ]
    model.load_state_dict(dict(checkpoints[-1].state), strict=False)  # frozen parameters stay as built
    model.to(device, precision).eval()
    rows = load_file(folder / "rows.safetensors")
    recorded = folder / "dynamics.safetensors"
    dynamics = Dynamics(**load_file(recorded)) if recorded.exists() else None
    train, valid = _examples("train", rows), _examples("valid", rows)
    padded = not isinstance(train.x, Tensor)
    return Problem(
        model,
        train,
        valid,
        checkpoints,
        architecture.loss,
        seed=facts.seed,
        dynamics=dynamics,
        trainer=trainer(architecture, facts.classes, device),
        groups=rows.get("groups"),
        training_batch=architecture.recipe.batch_size if padded else BATCH_SIZE,  # small batches hold less padding
    )


def _rows(data: Dataset) -> dict[str, Tensor]:
    """The tensors of a problem's rows by their names in its file; for prompts with answers, also their classes."""
    groups = {"groups": data.true_y} if data.card.get("kind") == "generation" else {}
    return _tensors("train", data.train) | _tensors("valid", data.valid) | groups


def _tensors(part: str, examples: Examples) -> dict[str, Tensor]:
    """The tensors of examples by their names in the file."""
    return {f"{part}.y": examples.y} | {f"{part}.x.{field}": tensor for field, tensor in examples.tensors.items()}


def _examples(part: str, rows: Mapping[str, Tensor]) -> Examples:
    """The examples of a part, from the tensors of the file."""
    prefix = f"{part}.x."
    x = {name.removeprefix(prefix): tensor for name, tensor in rows.items() if name.startswith(prefix)}
    return Examples(x[""] if "" in x else Padded(x), rows[f"{part}.y"])
