"""Python processes that answer questions, each a line, and end when no more questions can come."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

LEAVE_SECONDS = 5.0  # for a process to end by itself before it is killed
DUMPABLE, DROPPED, SUBREAPER = 4, 24, 36  # of prctl
CAP_SYS_PTRACE = 19


class EndedError(Exception):
    """A process ended, or did not answer in time; the message says how in one line."""


class Server:
    """A process that runs a module which calls `serve`.

    Questions and answers share a socket, the standard input of the process: nothing that it prints, even while it
    imports its modules, can be taken for an answer.

    Args:
        module: its full name.
        arguments: its command line.
        environment: variables that the process gets besides those of this one.
        quiet: whether to throw away what the process prints; otherwise it goes to standard error.
    """

    def __init__(
        self, module: str, *arguments: str, environment: Mapping[str, str] | None = None, quiet: bool = False
    ) -> None:
        self.socket, theirs = socket.socketpair()
        self.answers = self.socket.makefile("r")
        printed = subprocess.DEVNULL if quiet else 2
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *arguments],
                stdin=theirs.fileno(),
                stdout=printed,
                stderr=printed,
                env=os.environ | (environment or {}),
            )

    def ask(self, question: str, seconds: float | None = None) -> str:
        """Send a line and return the line that answers it.

        Args:
            question: without a line break.
            seconds: how long the process may stay silent before it is killed; default: without end.

        Raises:
            EndedError: if the process has ended, or stays silent too long. No question can follow then.
        """
        try:
            self.socket.settimeout(seconds)
            self.socket.sendall(f"{question}\n".encode())
            answer = self.answers.readline()
        except TimeoutError:
            self.process.kill()
            self.process.wait()
            raise EndedError(f"stopped after {seconds:g} s") from None
        except ConnectionError:
            answer = ""
        if not answer.endswith("\n"):
            raise EndedError(f"its process died{self._wait()}")
        return answer.rstrip("\n")

    def finish(self) -> None:
        """Ask nothing more, and wait until the process has ended, however long that takes."""
        with suppress(OSError):  # the other end is closed already
            self.socket.shutdown(socket.SHUT_WR)
        self.process.wait()

    def close(self) -> None:
        """Let the process end, or kill it if it does not; another thread that waits for an answer gets an error."""
        with suppress(OSError):  # the other end is closed already
            self.socket.shutdown(socket.SHUT_WR)
        self._wait()
        self.answers.close()
        self.socket.close()

    def _wait(self) -> str:
        """Wait until the process has ended, kill it if it does not end, and return how it ended."""
        try:
            status = self.process.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        return f"{',' if status < 0 else ' with'} {ending(status)}"


def serve(answer: Callable[[str], str]) -> None:
    """Answer each line of standard input with a line on the same socket, until the input ends."""
    with suppress(ConnectionError), os.fdopen(0, "w", closefd=False) as answers:
        for question in iter(sys.stdin.readline, ""):
            print(answer(question.rstrip("\n")), file=answers, flush=True)


def keep_secrets() -> None:
    """On Linux, let no process of this user read the memory of this process, and adopt orphans below it.

    Not even root's processes below this process can read it: they lack the capability.
    """
    if sys.platform == "linux":
        control = ctypes.CDLL(None).prctl
        control(DUMPABLE, 0)
        control(DROPPED, CAP_SYS_PTRACE)
        control(SUBREAPER, 1)


def end_children() -> None:
    """Kill every process below this one, on Linux; orphans too, if this process adopts them."""
    while children := [
        int(pid) for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text("ascii").split()
    ]:
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in children:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def ending(status: int) -> str:
    """Describe how a process ended, from its exit status; a negative status is the signal that killed it."""
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}"
