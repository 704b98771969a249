"""A user's own images: one folder for each class."""

import numpy as np
import pytest
from PIL import Image

import influence_bench as ib


@pytest.fixture
def pets(tmp_path):
    """Twelve cats in grey and twelve dogs in colour, 6 × 4 pixels, and files that are no images of theirs."""
    rng = np.random.default_rng(0)
    for name in ("dogs", "cats", ".hidden"):
        (tmp_path / name).mkdir()
    for number in range(12):
        Image.fromarray(np.full((4, 6), number * 20, np.uint8)).save(tmp_path / "cats" / f"{number:02}.png")
        pixels = rng.integers(0, 256, (4, 6, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "dogs" / f"{number:02}.BMP")
    (tmp_path / "notes.txt").write_text("not a class")
    (tmp_path / "cats" / "notes.txt").write_text("not an image")
    (tmp_path / "cats" / ".00.png").write_text("not for us")
    return tmp_path


def test_images_are_read_in_the_order_of_their_names(pets):
    from influence_bench.datasets.images.image_folder import image_folder

    source = image_folder(str(pets))
    assert source.classes == ("cats", "dogs")
    assert source.x.shape == (24, 3, 4, 6)
    assert source.y.tolist() == [0] * 12 + [1] * 12
    assert source.x[:12].flatten(1).unique(dim=1).tolist() == [[number * 20] for number in range(12)]
    with Image.open(pets / "dogs" / "03.BMP") as image:
        np.testing.assert_array_equal(source.x[15].permute(1, 2, 0), np.asarray(image))


def test_images_load_by_name_and_are_brought_to_a_size(pets):
    Image.new("RGB", (9, 9)).save(pets / "cats" / "large.jpg")
    data = ib.load(f"image-folder[path={pets},size=8]", noise="symmetric", rate=0.2)
    assert data.train.x.shape[1:] == (3, 8, 8)
    assert data.is_noisy.any()


@pytest.mark.parametrize(
    ("make", "arguments", "said"),
    [
        (
            lambda pets: Image.new("RGB", (9, 7)).save(pets / "cats" / "large.png"),
            "",
            "has 9 × 7 pixels, but",
        ),
        (lambda pets: (pets / "dogs" / "page.png").write_text("<html>"), "", "page.png cannot be read as an image: "),
        (lambda pets: (pets / "dogs" / "00.BMP").write_bytes(b"BM\0\0"), "", "00.BMP cannot be read as an image: "),
        (lambda pets: (pets / "birds").mkdir(), "", "one for each class: birds holds no image"),
        (lambda pets: None, "/cats", "one for each class: it has 0"),
        (lambda pets: None, "/none", "there is no such folder"),
        (lambda pets: None, ",size=0", "size=0 is out of range"),
    ],
    ids=["sizes", "page", "cut short", "empty", "no classes", "no folder", "no size"],
)
def test_folder_that_is_wrong_is_one_line(pets, make, arguments, said):
    make(pets)
    with pytest.raises(ib.InputError) as caught:
        ib.load(f"image-folder[path={pets}{arguments}]")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
