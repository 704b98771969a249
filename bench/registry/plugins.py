"""Plug-in files: Python files of a user's own that register methods."""

import importlib.util
import sys
from pathlib import Path

from ..errors import InputError
from .method import METHODS


def load_plugin(file: Path) -> None:
    """Import a Python file that registers methods of its own.

    Raises:
        InputError: if the file does not exist or fails to import, or another plug-in has a file of the same name.
    """
    METHODS.all()  # so that a name of the package's is taken before the file claims it
    file = file.resolve()
    name = f"influence_bench_plugin_{file.stem}"
    if name in sys.modules:
        if sys.modules[name].__file__ == str(file):
            return
        raise InputError(f"the plug-ins {sys.modules[name].__file__} and {file} have one name: rename one of the files")
    spec = importlib.util.spec_from_file_location(name, file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise InputError(f"the plug-in {file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise InputError(f"the plug-in {file} fails to import: {type(error).__name__}: {error}") from error
