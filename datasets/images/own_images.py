"""Reading of a person's own image files, in a folder for each class or named in a table of paths and labels."""

import mimetypes
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps
from rich.console import Console
from rich.progress import track
from torch import Tensor

from ...bench.errors import InputError, absent, unknown
from ..tables.cells import texts
from ..tables.columns import class_indices
from ..tables.table_file import read_table

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
PATHS = ("path", "file", "filename", "image")
"""What the column of paths may be called; without any of these names, it is the first column."""

_DAMAGE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


@dataclass(frozen=True)
class Images:
    """Images by rows.

    Args:
        files: their names below the folder, or as the table gives them.
        pixels: red, green and blue (n, 3, height, width), uint8.
        y: class indices (n,), int64.
        classes: the names of the classes.
    """

    files: tuple[str, ...]
    pixels: Tensor
    y: Tensor
    classes: tuple[str, ...]


def read_images(
    place: Path, size: int | None, label: str | None = None, column: str | None = None, most: int | None = None
) -> Images:
    """Read images as viewers show them: turned as their EXIF says, colours from the palette, on white if transparent.

    Args:
        place: a folder with one subfolder for each class, in which hidden files and other files than images are
            ignored; or a table of paths, which start from the table's folder, and labels.
        size: side in pixels to which every image is resized; without it, all images must have the same size.
        label: name of the label column of a table.
        column: name of its column of paths; default: one called path, file, filename or image, else the first.
        most: largest side in pixels; if an image is larger, or sizes differ, every image is resized to this side.

    Raises:
        InputError: if there is no such place, it has fewer than two classes, or an image cannot be read.
    """
    if size is not None and size < 1:
        raise InputError(f"size={size} is out of range: give at least 1")
    folder, files, y, classes = _in_folders(place) if place.is_dir() else _in_table(place, label, column)
    if most is not None:
        sizes = {_size(folder / file) for file in files}
        size = most if len(sizes) > 1 or max(map(max, sizes)) > most else None
    console = Console(stderr=True)
    shown = track(files, f"Reading {place}", console=console, transient=True, disable=not console.is_terminal)
    images = [_pixels(folder / file, size) for file in shown]
    for file, image in zip(files, images, strict=True):
        if image.shape != images[0].shape:
            (height, width, _), (first_height, first_width, _) = image.shape, images[0].shape
            raise InputError(
                f"{folder / file} has {width} × {height} pixels, but {folder / files[0]} has {first_width} ×"
                f" {first_height}: give a size, as in size=32, to resize all images"
            )
    return Images(tuple(files), torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(), y, classes)


def _in_folders(folder: Path) -> tuple[Path, list[str], Tensor, tuple[str, ...]]:
    classes = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    files = [
        (f"{name}/{file.name}", index)
        for index, name in enumerate(classes)
        for file in sorted((folder / name).iterdir())
        if not file.name.startswith(".") and _is_image(file)
    ]
    counts = np.bincount([index for _, index in files], minlength=len(classes))
    if len(classes) < 2 or not counts.all():
        empty = (
            f"{classes[int(counts.argmin())]} holds no image itself" if len(classes) > 1 else f"it has {len(classes)}"
        )
        raise InputError(f"{folder} must hold two or more subfolders of images, one for each class: {empty}")
    return folder, [file for file, _ in files], torch.tensor([index for _, index in files]), tuple(classes)


def _in_table(file: Path, label: str | None, column: str | None) -> tuple[Path, list[str], Tensor, tuple[str, ...]]:
    if not file.exists():
        raise absent(file)
    if label is None:
        raise InputError(f"{file} is no folder; if it is a table of paths, name its column of labels, as in label=kind")
    table = read_table(file, label)
    columns = [name for name in table.columns if name != label]
    if not columns:
        raise InputError(f"{file} has no column of paths besides the label")
    if column is None:
        column = next((name for name in columns if name.lower() in PATHS), columns[0])
    elif column not in columns:
        raise unknown("column of paths", column, columns, f"in {file}")
    paths = texts(table[column])
    if "" in paths:
        raise InputError(f"{file}: row {paths.index('')} has no path; fill or drop it")
    y, classes = class_indices(table[label], str(file))
    for row, path in enumerate(paths):
        if not _is_file(file.parent / path):
            raise InputError(f"{file}: the image '{path}' of row {row} does not exist below {file.parent}")
    return file.parent, paths, y, tuple(map(str, classes))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a text too long for a path, or with a NUL character
        return False


def _is_image(file: Path) -> bool:
    """Whether the ending says that a file is an image.

    Raises:
        InputError: if it is one of a kind that is not read.
    """
    form = Image.registered_extensions().get(file.suffix.lower())
    if form not in FORMATS and str(mimetypes.guess_type(file.name)[0]).startswith("image/") and file.is_file():
        raise InputError(f"{file} is of a kind that is not read: save it as PNG or JPEG, or remove it")
    return form in FORMATS


def _size(file: Path) -> tuple[int, int]:
    """The width and height of an image as viewers show it, from its header."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            return (height, width) if image.getexif().get(ExifTags.Base.Orientation, 1) > 4 else (width, height)
    except _DAMAGE as error:
        raise InputError(f"{file} cannot be read as an image: {error}; mend or remove it") from error


def _pixels(file: Path, size: int | None) -> NDArray[np.uint8]:
    """The pixels (height, width, 3) of an image."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.format == "TIFF" and getattr(image, "n_frames", 1) > 1:
                raise InputError(f"{file} holds {getattr(image, 'n_frames', 1)} pages: save each as a file of its own")
            colours = _colours(ImageOps.exif_transpose(image), file)
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"{file} cannot be read as an image: {error}; mend or remove it") from error
    return np.asarray(colours if size is None else colours.resize((size, size), Image.Resampling.BILINEAR))


def _colours(image: Image.Image, file: Path) -> Image.Image:
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))  # not clipped at 255
    if image.mode in {"I", "F"}:
        raise InputError(
            f"{file} holds 32-bit numbers (mode {image.mode}), and nothing says which of them is white: save it with 8"
            " or 16 bits"
        )
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")
