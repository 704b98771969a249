"""A user's own images: one folder for each class."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import influence_bench as ib
from influence_bench.datasets.images.own_images import read_images


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


def test_a_table_of_paths_and_labels_loads(pets):
    files = [
        f"{name}s/{number:02}.{'png' if name == 'cat' else 'BMP'}" for number in range(12) for name in ("cat", "dog")
    ]
    table = pd.DataFrame({"photographer": "me", "file": files, "kind": ["cat", "dog"] * 12})
    table.to_csv(pets / "labels.csv", index=False)
    images = read_images(pets / "labels.csv", None, "kind")
    assert images.files == tuple(files)
    assert images.classes == ("cat", "dog")
    assert images.y.tolist() == [0, 1] * 12
    folders = read_images(pets, None)
    order = [folders.files.index(file) for file in files]
    assert torch.equal(images.pixels, folders.pixels[order])
    data = ib.load(f"image-folder[path={pets}/labels.csv,label=kind]")
    assert len(data.train) + len(data.valid) + len(data.test) == 24


def saved(folder, name, image, **options):
    """The pixels (height, width, 3) that are read of an image saved in one of two class folders."""
    for kind in ("a", "b"):
        (folder / kind).mkdir(exist_ok=True)
        image.save(folder / kind / name, **options)
    return read_images(folder, None).pixels[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path, name):
    wide = np.array([[0, 255, 256], [25_600, 65_280, 65_535]], np.uint16)
    pixels = saved(tmp_path, name, Image.fromarray(wide))
    assert pixels[:, :, 0].tolist() == [[0, 0, 1], [100, 255, 255]]


def test_photos_are_turned_as_their_camera_says(tmp_path):
    image = Image.fromarray(np.repeat(np.uint8([[0, 0, 255, 255]] * 2), 3).reshape(2, 4, 3))
    exif = image.getexif()
    exif[0x0112] = 6
    assert saved(tmp_path, "a.png", image, exif=exif)[:, 0, 0].tolist() == [0, 0, 255, 255]


def test_colours_are_those_that_viewers_show(tmp_path):
    pixels = saved(tmp_path, "clear.png", Image.new("RGBA", (1, 1), (255, 0, 0, 0)))
    assert pixels.tolist() == [[[255, 255, 255]]]
    palette = Image.new("P", (1, 1), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    (tmp_path / "palette").mkdir()
    assert saved(tmp_path / "palette", "a.gif", palette).tolist() == [[[10, 20, 30]]]


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
        (lambda pets: (pets / "birds").mkdir(), "", "one for each class: birds holds no image itself"),
        (lambda pets: None, "/cats", "one for each class: it has 0"),
        (lambda pets: None, "/none", "there is no such file or folder"),
        (lambda pets: None, ",size=0", "size=0 is out of range"),
        (
            lambda pets: Image.fromarray(np.zeros((4, 6), np.float32)).save(pets / "cats" / "a.tif"),
            "",
            "a.tif holds 32-bit numbers (mode F)",
        ),
        (
            lambda pets: Image.new("L", (6, 4)).save(
                pets / "cats" / "a.tif", save_all=True, append_images=[Image.new("L", (6, 4))]
            ),
            "",
            "a.tif holds 2 pages",
        ),
        (lambda pets: (pets / "cats" / "a.heic").write_bytes(b"x"), "", "a.heic is of a kind that is not read"),
        (lambda pets: None, "/notes.txt", "name its column of labels, as in label=kind"),
        (
            lambda pets: (pets / "a.csv").write_text("path,kind\n" + "cats/00.png,a\nno.png,b\n" * 6),
            "/a.csv,label=kind",
            "the image 'no.png' of row 1 does not exist",
        ),
    ],
    ids=[
        "sizes",
        "page",
        "cut short",
        "empty",
        "no classes",
        "no folder",
        "no size",
        "float",
        "pages",
        "kind",
        "no label",
        "no file",
    ],
)
def test_folder_that_is_wrong_is_one_line(pets, make, arguments, said):
    make(pets)
    with pytest.raises(ib.InputError) as caught:
        ib.load(f"image-folder[path={pets}{arguments}]")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_column_of_paths_is_the_one_that_is_named(tmp_path):
    for name in ("a.png", "b.png"):
        Image.new("RGB", (4, 4), "red" if name == "a.png" else "blue").save(tmp_path / name)
    table = pd.DataFrame({"path": ["a.png"] * 10, "photo": ["b.png"] * 10, "kind": ["x", "y"] * 5})
    table.to_csv(tmp_path / "images.csv", index=False)
    named = read_images(tmp_path / "images.csv", None, "kind", "photo")
    assert named.files == ("b.png",) * 10
    assert named.pixels[0, 2].min() == 255
    with pytest.raises(ib.InputError, match="did you mean photo"):
        read_images(tmp_path / "images.csv", None, "kind", "foto")
