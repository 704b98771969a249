"""Set up `.venv` once, then run a command in it: `python3 bench/install.py influence-bench run quick`.

Needs Python 3.11 or later and nothing else. It installs only when `pyproject.toml`, the constraints or the Python
have changed since the last call.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / ".ci" / "constraints.txt"


def recipe() -> str:
    """A digest of everything that the environment depends on."""
    content = (ROOT / "pyproject.toml").read_bytes() + CONSTRAINTS.read_bytes() + sys.version.encode()
    return hashlib.sha256(content + str(ROOT).encode()).hexdigest()


def install(folder: Path) -> None:
    """Make the environment in `folder` and install this checkout into it, editable, with what its tests need."""
    installed = folder / "installed"
    if installed.is_file() and installed.read_text("utf-8") == recipe():
        return
    print(f"Installing into {folder} (once, a few minutes) ...", file=sys.stderr, flush=True)
    venv.create(folder, with_pip=True, clear=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--constraint", str(CONSTRAINTS), "--editable", f"{ROOT}[test]"], check=True)
    installed.write_text(recipe(), "utf-8")


def main() -> None:
    """Install if that is necessary, then replace this process by the command that the command line names."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file runs before anything is installed
        sys.exit(f"influence-bench needs Python 3.11 or later; this is {sys.version.split()[0]}")
    if len(sys.argv) < 2:
        sys.exit("usage: python3 bench/install.py COMMAND [ARGUMENT ...], for example influence-bench run quick")
    folder = ROOT / ".venv"
    try:
        install(folder)
    except subprocess.CalledProcessError as error:
        sys.exit(f"the installation failed (exit status {error.returncode}); pip's message is above")
    command = folder / "bin" / sys.argv[1]
    if not command.exists():
        sys.exit(f"{folder} has no command {sys.argv[1]}; it has influence-bench, pytest, ruff and mypy")
    os.chdir(ROOT)
    os.execv(command, [str(command), *sys.argv[2:]])


if __name__ == "__main__":
    main()
