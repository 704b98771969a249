"""The labels of CIFAR-N come out of a pickle that runs no code, and a damaged file is one clear line."""

import io
import os
import pickle

import numpy as np
import pytest
import torch
from data_files import complaint

from influence_bench.datasets.images import cifar_n


class Called:
    """Pickles as a call."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


TRUE_Y = torch.arange(50) % 10
LABELS = {key: TRUE_Y.numpy() for key in ("clean_label", *cifar_n.NOISES.values())}
ASKED = (TRUE_Y, 10, "clean_label", cifar_n.NOISES)
SHORT = Called(*np.empty(0).__reduce__()[:2], (1, (50,), np.dtype("i8"), False, b"123"))


def saved(content, **how):
    """Content as torch saves it, with numpy's function under its name before numpy 2, as in the official file."""
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=False, **how)
    return buffer.getvalue().replace(b"numpy._core.", b"numpy.core.")


def test_human_labels_are_read(tmp_path):
    worse = (TRUE_Y.numpy() + 1) % 10
    (tmp_path / "human.pt").write_bytes(saved(LABELS | {"worse_label": worse}))
    read = cifar_n.human_labels(tmp_path / "human.pt", *ASKED)
    assert list(read) == list(cifar_n.NOISES)
    assert read["worst"].tolist() == worse.tolist()
    assert read["aggregate"].tolist() == TRUE_Y.tolist()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>log in first</html>", "it is not a pickle of plain arrays"),
        (b"", "it is not a pickle of plain arrays"),
        (saved(LABELS)[:-300], "it is not a pickle of plain arrays"),
        (saved([1, 2]), "its clean_label are not 50 whole numbers"),
        (saved({}), "its clean_label are not 50 whole numbers"),
        (saved(LABELS | {"worse_label": TRUE_Y.numpy()[:-1]}), "its worse_label are not 50 whole numbers"),
        (saved(LABELS | {"worse_label": SHORT}), "its worse_label are not 50 whole numbers"),
        (saved(LABELS | {"worse_label": TRUE_Y.double().numpy()}), "its worse_label are not 50 whole numbers"),
        (saved(LABELS | {"worse_label": TRUE_Y.numpy() - 1}), "its worse_label run from -1 to 8, not from 0 to 9"),
        (saved(LABELS | {"clean_label": TRUE_Y.numpy()[::-1].copy()}), "clean_label of row 0 is not CIFAR's own"),
    ],
    ids=["html", "empty", "truncated", "list", "keys", "rows", "bytes", "kind", "range", "order"],
)
def test_damaged_human_labels_are_one_line(tmp_path, content, said):
    path = tmp_path / "human.pt"
    path.write_bytes(content)
    line = complaint(cifar_n.human_labels, path, *ASKED)
    assert line.startswith(f"{path} is damaged: ")
    assert said in line
    assert line.endswith("; delete it to download it anew")


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle"])
def test_hostile_pickle_is_refused_without_running_it(tmp_path, form):
    path, effect = tmp_path / "human.pt", tmp_path / "effect"
    hostile = LABELS | {"clean_label": Called(os.mkdir, (str(effect),))}
    if form == "zip":
        torch.save(hostile, path)
    else:
        path.write_bytes(saved(hostile) if form == "legacy" else pickle.dumps(hostile, protocol=2))
    assert "nothing else is ever unpickled" in complaint(cifar_n.human_labels, path, *ASKED)
    assert not effect.exists()


def test_pickle_cannot_call_numpy(tmp_path):
    """`ndarray((1,), "O", bytes)` would take any address for an object."""
    path = tmp_path / "human.pt"
    call = Called(np.ndarray, ((50,), "i8", TRUE_Y.numpy().tobytes()))
    path.write_bytes(saved(LABELS | {"clean_label": call}))
    assert "its clean_label are not 50 whole numbers" in complaint(cifar_n.human_labels, path, *ASKED)
