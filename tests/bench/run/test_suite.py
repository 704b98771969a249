"""Suites: what is wrong in a file is said in one line."""

import pytest

import influence_bench as ib


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("title = 'x'", r"no \[\[problems\]\]"),
        ("titel = 'x'\n[[problems]]\ndataset='blobs'\nmodel='mlp'", "did you mean title"),
        ("[[problems]]\ndataset='blob'\nmodel='mlp'", "did you mean blobs"),
        ("[[problems]]\ndataset='blobs'\nmodel='mpl'", "did you mean mlp"),
        ("[[problems]]\ndataset='blobs'\nmodel='mlp'\nnoise='worst'", "no noise for blobs 'worst'"),
        ("[[problems]]\ndataset='blobs'\nmodel='mlp'\nnoise='symmetric'", "symmetric needs rate"),
        ("[[problems]]\ndataset='blobs'\nmodel='mlp'\nnoise='pair'\nrate=1.5", "out of range"),
        ("[[problems]]\ndataset='blobs'", r"lacks the field problems\.0\.model"),
        ("not toml", "cannot be read"),
    ],
)
def test_a_wrong_suite_file_is_one_clear_line(tmp_path, content, message):
    (tmp_path / "own.toml").write_text(content)
    with pytest.raises(ib.InputError, match=message):
        ib.run(str(tmp_path / "own.toml"), tmp_path / "run")
