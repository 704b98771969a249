"""The command `influence-bench`."""

import sys
from io import TextIOWrapper
from typing import NoReturn

import typer

from ..errors import InputError
from .audit import audit, score
from .listing import list_, show
from .preparation import download, recipes
from .publishing import publish, unpack, verify
from .runs import claims, compare, plan, report, run, trim
from .speed import speed

app = typer.Typer(
    name="influence-bench",
    help="Which training samples hurt my model, which method finds them best, and what does that cost?",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("list")(list_)
COMMANDS = (show, download, run, plan, trim, report, claims, compare, publish, verify, unpack, audit, score, recipes)
for command in COMMANDS:
    app.command()(command)
app.add_typer(speed, name="speed")
STOPPED = "stopped; what a run has finished is kept, and the same command goes on from there"


def main() -> NoReturn:
    """Run the command line; a user's mistake is one line on standard error and exit status 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # an ASCII locale must not stop a command that prints ×
            stream.reconfigure(errors="backslashreplace")
    try:
        interrupted = app(sys.argv[1:] or ["--help"], standalone_mode=False)
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None
    except (InputError, OSError) as error:
        _leave(_one_line(error), 2)
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error; typer may bundle its own click, so its class is not named
            _leave(error.format_message() or "see --help", 2)
        raise
    if interrupted:
        _leave(STOPPED, interrupted)
    raise SystemExit(0)


def _leave(message: str, code: int) -> NoReturn:
    print(f"influence-bench: {message}", file=sys.stderr)
    raise SystemExit(code)


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}; mend that, or choose another place"
    return " ".join(str(error).split())


if __name__ == "__main__":
    main()
