"""A user's own images, in a folder with one subfolder for each class."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.progress import track

from ...bench.errors import InputError
from ..source import Source, dataset


@dataset(kind="image", source="a folder of your own", licence="your own", citation="none needed")
def image_folder(path: str, size: int | None = None) -> Source:
    """Your own images, in one subfolder for each class; the labels count as true.

    Args:
        path: the folder; hidden files, and files whose suffix is not that of an image, are ignored.
        size: side in pixels to which every image is resized; without it, all images must have the same size.

    Raises:
        InputError: if there is no such folder, it has fewer than two subfolders of images, or an image cannot be read.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    if size is not None and size < 1:
        raise InputError(f"image-folder: size={size} is out of range: give at least 1")
    suffixes = Image.registered_extensions()
    classes = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    files = [
        (file, index)
        for index, name in enumerate(classes)
        for file in sorted((folder / name).iterdir())
        if file.suffix.lower() in suffixes and not file.name.startswith(".")
    ]
    counts = np.bincount([index for _, index in files], minlength=len(classes))
    if len(classes) < 2 or not counts.all():
        empty = f"{classes[int(counts.argmin())]} holds no image" if len(classes) > 1 else f"it has {len(classes)}"
        raise InputError(f"{folder} must hold two or more subfolders of images, one for each class: {empty}")
    console = Console(stderr=True)
    shown = track(files, f"Reading {folder}", console=console, transient=True, disable=not console.is_terminal)
    images = [_pixels(file, size) for file, _ in shown]
    for (file, _), image in zip(files, images, strict=True):
        if image.shape != images[0].shape:
            (height, width, _), (first_height, first_width, _) = image.shape, images[0].shape
            raise InputError(
                f"{file} has {width} × {height} pixels, but {files[0][0]} has {first_width} × {first_height}: give a"
                " size, as in size=32, to resize all images"
            )
    x = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
    return Source(x, torch.tensor([index for _, index in files]), tuple(classes), standardize=True)


def _pixels(file: Path, size: int | None) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    try:
        with Image.open(file) as image:
            colours = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{file} cannot be read as an image: {error}; mend or remove it") from error
    return np.asarray(colours if size is None else colours.resize((size, size), Image.Resampling.BILINEAR))
