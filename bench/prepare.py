"""Problems ready to score: a dataset with a model trained on it, cached by content."""

import json
import os
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pooch
from safetensors.torch import load_file, save_file
from torch import Size

from ..datasets.dataset import Dataset
from . import fingerprint, models
from .errors import InputError
from .examples import Examples
from .problem import Checkpoint, Problem
from .training import accuracy, train


def cache_folder() -> Path:
    """Where prepared problems lie: `INFLUENCE_BENCH_CACHE`, or the user's cache folder."""
    given = os.environ.get("INFLUENCE_BENCH_CACHE")
    return Path(given) if given else Path(pooch.os_cache("influence-bench")) / "problems"


def prepare(data: Dataset, model: str = "mlp", seed: int = 0) -> Problem:
    """A model trained on the dataset's given labels, with its checkpoints, as a `Problem`; cached by content.

    Args:
        data: as `load` returns it; only its training and validation rows reach the problem.
        model: as `influence-bench list models` prints it.
        seed: of the initialisation, the order of the batches and the problem.

    Raises:
        InputError: for an unknown model, or one that does not fit the data.
    """
    return open_problem(prepared(data, model, seed))


def prepared(data: Dataset, model: str, seed: int) -> Path:
    """The folder of the prepared problem, made if it is not there yet.

    Its name is a digest of all that the problem depends on: the data's content, the recipe, the code that builds and
    trains, the seed and the libraries.
    """
    architecture = models.find(model)
    content = fingerprint.tensors(t for part in (data.train, data.valid, data.test) for t in (part.x, part.y))
    code = fingerprint.code("influence_bench.bench.training")
    parts = [
        content,
        model,
        repr(architecture.recipe),
        str(seed),
        repr(sorted(code.items())),
        repr(fingerprint.versions()),
    ]
    folder = cache_folder() / fingerprint.digest(*parts)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
    try:
        _make(partial, data, architecture, seed)
        try:
            partial.rename(folder)
        except OSError:
            if not folder.is_dir():  # another process was first, which is as good
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _make(folder: Path, data: Dataset, architecture: models.Architecture, seed: int) -> None:
    classes = len(data.classes)
    try:
        model, checkpoints = train(architecture, data.train, classes, seed)
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        shape = tuple(data.train.x.shape[1:])
        raise InputError(f"the model {architecture.name} does not fit inputs of shape {shape}: {error}") from error
    for number, checkpoint in enumerate(checkpoints):
        save_file(dict(checkpoint.state), folder / f"checkpoint-{number}.safetensors")
    rows = {"train.x": data.train.x, "train.y": data.train.y, "valid.x": data.valid.x, "valid.y": data.valid.y}
    save_file({name: tensor.contiguous() for name, tensor in rows.items()}, folder / "rows.safetensors")
    record = {
        "model": architecture.name,
        "recipe": asdict(architecture.recipe),
        "shape": list(data.train.x.shape[1:]),
        "classes": classes,
        "seed": seed,
        "learning_rates": [checkpoint.learning_rate for checkpoint in checkpoints],
        "model_accuracy": accuracy(model, data.test),
    }
    (folder / "problem.json").write_text(json.dumps(record, indent=1))


def record(folder: Path) -> dict[str, Any]:
    """What is known of a prepared problem: model, recipe, learning rates, test accuracy."""
    content: dict[str, Any] = json.loads((folder / "problem.json").read_text())
    return content


def open_problem(folder: Path) -> Problem:
    """The prepared problem in a folder; its checkpoints are read only when a method asks for them."""
    known = record(folder)
    model = models.find(known["model"]).build(Size(known["shape"]), known["classes"])
    checkpoints = [
        Checkpoint(folder / f"checkpoint-{number}.safetensors", rate)
        for number, rate in enumerate(known["learning_rates"])
    ]
    model.load_state_dict(dict(checkpoints[-1].state))
    model.eval()
    rows = load_file(folder / "rows.safetensors")
    train, valid = Examples(rows["train.x"], rows["train.y"]), Examples(rows["valid.x"], rows["valid.y"])
    return Problem(model, train, valid, checkpoints, seed=known["seed"])
