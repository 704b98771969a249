"""The command `influence-bench`."""

from .main import main

__all__ = ["main"]
