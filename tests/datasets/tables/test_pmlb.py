"""The datasets of PMLB are read by name."""

import pytest
from data_files import complaint, read


@pytest.mark.parametrize(("name", "shape", "classes"), [("mushroom", (8124, 22), 2), ("letter", (20_000, 16), 26)])
def test_datasets_are_read_by_name(real_data, name, shape, classes):
    source = read(f"pmlb[name={name}]")
    assert source.x.shape == shape
    assert len(source.classes) == classes


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pmlb[name=titanc]", "no classification dataset of PMLB 'titanc': did you mean titanic"),
        ("pmlb[name=../adult/adult]", "no classification dataset of PMLB"),
        ("pmlb", r"pmlb needs name: write pmlb[name=...]"),
    ],
)
def test_an_unknown_or_missing_name_is_one_line(text, said):
    assert said in complaint(read, text)
