"""Warm servers, as many as workers, and the jobs that they answer."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from ..errors import InputError
from ..instruments import accelerator, machine
from ..progress import Progress

Job = dict[str, Any]


THREADS = 1  # per worker: the same bits and the same times however many workers there are


ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(THREADS)),
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # of pyarrow, which pandas imports where it is installed
    "PYTHONHASHSEED": "0",
    "TTY_COMPATIBLE": "0",  # the bar on the terminal is the runner's
}


def checked(workers: int | None, device: str) -> int:
    """How many processes at a time, by default one per core, or one on a CUDA device.

    Raises:
        InputError: if there are none, or the device is not there.
    """
    cores = machine.cores() if accelerator.found(device).type == "cpu" else 1
    workers = cores if workers is None else workers
    if workers < 1:
        raise InputError(f"workers={workers} is out of range: at least 1")
    return workers


Submit = Callable[[dict[str, Job], Progress], Iterator[tuple[str, dict[str, str]]]]


@contextmanager
def pool(workers: int, plugins: Sequence[Path]) -> Iterator[Submit]:
    """Warm servers, as many as workers; the function given answers jobs by name as they end."""
    free: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
    servers: list[subprocess.Popen[str]] = []

    def answer(name: str, job: Job, shown: Progress) -> dict[str, str]:
        server = free.get()
        shown.started(name)
        try:
            return _ask(server, job)
        finally:
            shown.finished(name)
            free.put(server)

    def submit(jobs: dict[str, Job], shown: Progress) -> Iterator[tuple[str, dict[str, str]]]:
        while len(servers) < min(workers, len(jobs)):
            servers.append(_server(plugins))
            free.put(servers[-1])
        futures: dict[Future[dict[str, str]], str] = {
            threads.submit(answer, name, job, shown): name for name, job in jobs.items()
        }
        left = set(futures)
        try:
            while left:
                ended, left = wait(left, return_when=FIRST_COMPLETED)
                for future in ended:
                    yield futures[future], future.result()
        finally:
            for future in left:
                future.cancel()

    threads = ThreadPoolExecutor(workers)
    try:
        yield submit
    finally:
        for server in servers:
            server.stdin.close()  # type: ignore[union-attr]  # it ends, and ends what it runs
        threads.shutdown(cancel_futures=True)
        for server in servers:
            server.wait()


def _server(plugins: Iterable[Path]) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "influence_bench.bench.run.worker", *map(str, plugins)]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | ENVIRONMENT,
    )


def _ask(server: subprocess.Popen[str], job: Job) -> dict[str, str]:
    assert server.stdin is not None
    assert server.stdout is not None
    print(json.dumps(job), file=server.stdin, flush=True)
    for line in server.stdout:
        answer: dict[str, str] = json.loads(line)
        if answer["status"] != "ready":
            return answer
    return {"status": "died", "error": "the worker process ended"}
