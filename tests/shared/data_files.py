"""Data files in tests: small archives, the files in a folder, and the one line that a failure must be."""

import io
import tarfile

import pytest

import influence_bench as ib
from influence_bench.datasets.source import DATASETS

BODY = bytes(range(256)) * 1000
"""The content of a file to download."""
PAGE = b"<html>\n<body>log in first</body>\n</html>\n"
"""What a network with a login page sends in place of a file."""


def read(text):
    """The source of a dataset by name, with arguments in brackets."""
    loader, arguments = DATASETS.parse(text)
    return loader.read(0, **arguments)


def complaint(call, *arguments):
    """The one line of the InputError that a call raises."""
    with pytest.raises(ib.InputError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def files(folder):
    """The paths of all files in a folder, relative to it, in ascending order."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def packed(*members):
    """The bytes of a .tar.gz; each member is a name with bytes, or a name with the target of a symbolic link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = tarfile.SYMTYPE, str(content)
                tar.addfile(info)
    return buffer.getvalue()
