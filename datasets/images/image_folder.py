"""A user's own images, in a folder with one subfolder for each class, or named in a table."""

from pathlib import Path

from ..source import Source, dataset
from .own_images import read_images


@dataset(kind="image", source="a folder of your own", licence="your own", citation="none needed")
def image_folder(path: str, size: int | None = None, label: str | None = None) -> Source:
    """Your own images, in one subfolder for each class or in a table of paths and labels; the labels count as true.

    Args:
        path: the folder; hidden files, and files whose suffix is not that of an image, are ignored. Or the table, as a
            CSV file, with a column path, file, filename or image.
        size: side in pixels to which every image is resized; without it, all images must have the same size.
        label: name of the table's column of labels.

    Raises:
        InputError: if there is no such place, it has fewer than two classes, or an image cannot be read.
    """
    images = read_images(Path(path).expanduser(), size, label)
    return Source(images.pixels, images.y, images.classes, standardize=True)
