"""Problems ready to score: a dataset with a model trained on it, cached by content."""

import json
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
from ..models import architecture as models
from ..problem.checkpoint import Checkpoint
from ..problem.dynamics import Dynamics
from ..problem.examples import Examples, Padded
from ..problem.problem import Problem
from ..progress import bar
from .loop import Trained, accuracy, batch_sizes, trainer
from .loop import train as trained_by
from .resume import Unfinished

BATCH_SIZE = 128  # rows per forward pass of the methods


def cache_folder() -> Path:
    """Where prepared problems lie: `INFLUENCE_BENCH_CACHE`, or the user's cache folder."""
    given = os.environ.get("INFLUENCE_BENCH_CACHE")
    return Path(given) if given else Path(pooch.os_cache("influence-bench")) / "problems"


def prepare(data: Dataset, model: str = "mlp", seed: int = 0, device: str = "cpu") -> Problem:
    """A model trained on the dataset's given labels, with its checkpoints, as a `Problem`; cached by content.

    Args:
        data: as `load` returns it; only its training and validation rows reach the problem.
        model: as `influence-bench list models` prints it.
        seed: of the initialisation, the order of the batches and the problem.
        device: where the model is trained and the problem is: `cpu`, `cuda` or `cuda:1`.

    Raises:
        InputError: for an unknown model, one that does not fit the data, or a device that is not there.
    """
    return open_problem(prepared(data, model, seed, device), device)


def prepared(data: Dataset, model: str, seed: int, device: str = "cpu") -> Path:
    """The folder of the prepared problem, made if it is not there yet.

    Its name is a digest of all that the problem depends on: the data's content, the recipe, the code that builds and
    trains, the seed, the kind of device and the libraries.
    """
    on = accelerator.device(device)
    architecture = models.find_model(model)
    train, valid, test = map(architecture.encoded, (data.train, data.valid, data.test))
    data = replace(data, train=train, valid=valid, test=test)
    content = fingerprint.tensors([*_rows(data).values(), *_tensors("test", test).values()])
    functions = (trained_by, architecture.function, architecture.encode, architecture.loss, architecture.origin)
    code = fingerprint.code(*(function for function in functions if function is not None))
    parts = [
        content,
        architecture.label(architecture.given),
        architecture.foundation(),
        repr(architecture.recipe),
        str(seed),
        on.type,
        repr(sorted(code.items())),
        repr(fingerprint.versions(architecture.libraries)),
    ]
    folder = cache_folder() / fingerprint.digest(*parts)
    unfinished = folder.with_name(f".training-{folder.name}.safetensors")
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        _make(folder, data, architecture, seed, on, unfinished)
    unfinished.unlink(missing_ok=True)
    return folder


def _make(
    folder: Path, data: Dataset, architecture: models.Architecture, seed: int, device: torch.device, unfinished: Path
) -> None:
    steps = architecture.recipe.epochs * len(batch_sizes(len(data.train), architecture.recipe.batch_size))
    try:
        with bar(f"training {architecture.name}", steps) as advance:
            watch = Unfinished(unfinished, advance)
            trained = trained_by(architecture, data.train, len(data.classes), seed, watch, device=device)
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
        if not folder.is_dir():  # another process was first, which is as good
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(folder: Path, data: Dataset, architecture: models.Architecture, seed: int, trained: Trained) -> None:
    for number, checkpoint in enumerate(trained.checkpoints):
        save_file(dict(checkpoint.state), folder / f"checkpoint-{number}.safetensors")
    if trained.dynamics is not None:
        save_file(trained.dynamics.figures, folder / "dynamics.safetensors")
    save_file({name: tensor.contiguous() for name, tensor in _rows(data).items()}, folder / "rows.safetensors")
    record = {
        "model": architecture.label(architecture.given),
        "recipe": asdict(architecture.recipe),
        "shape": list(data.train.shape),
        "classes": len(data.classes),
        "parameters": sum(parameter.numel() for parameter in trained.model.parameters()),
        "seed": seed,
        "learning_rates": [checkpoint.learning_rate for checkpoint in trained.checkpoints],
        "model_accuracy": accuracy(trained.model, data.test),
    }
    (folder / "problem.json").write_text(json.dumps(record, indent=1))


def record(folder: Path) -> dict[str, Any]:
    """What is known of a prepared problem: model, recipe, learning rates, test accuracy."""
    content: dict[str, Any] = json.loads((folder / "problem.json").read_text())
    return content


def open_problem(folder: Path, device: str = "cpu") -> Problem:
    """The prepared problem in a folder, on a device; its checkpoints are read only when a method asks for them."""
    known = record(folder)
    architecture = models.find_model(known["model"])
    model = architecture.build(Size(known["shape"]), known["classes"])
    checkpoints = [
        Checkpoint(folder / f"checkpoint-{number}.safetensors", rate)
        for number, rate in enumerate(known["learning_rates"])
    ]
    model.load_state_dict(dict(checkpoints[-1].state), strict=False)  # what is frozen is as it was built
    model.to(device).eval()
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
        architecture.recipe.batch_size if padded else BATCH_SIZE,  # small batches hold less padding
        known["seed"],
        dynamics=dynamics,
        trainer=trainer(architecture, known["classes"], device),
        groups=rows.get("groups"),
    )


def _rows(data: Dataset) -> dict[str, Tensor]:
    """What a problem holds of the data by the names in its file; of prompts with answers, their classes too."""
    groups = {"groups": data.true_y} if data.card.get("kind") == "generation" else {}
    return _tensors("train", data.train) | _tensors("valid", data.valid) | groups


def _tensors(part: str, examples: Examples) -> dict[str, Tensor]:
    """A part's tensors by the names that they have in a file."""
    return {f"{part}.y": examples.y} | {f"{part}.x.{field}": tensor for field, tensor in examples.tensors.items()}


def _examples(part: str, rows: Mapping[str, Tensor]) -> Examples:
    """The part that a file holds."""
    prefix = f"{part}.x."
    x = {name.removeprefix(prefix): tensor for name, tensor in rows.items() if name.startswith(prefix)}
    return Examples(x[""] if "" in x else Padded(x), rows[f"{part}.y"])
