"""Warm servers, as many as workers, and the jobs that they answer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from ..errors import InputError
from ..instruments import accelerator, machine
from ..processes import EndedError, Server
from ..progress import Progress
from ..records import line, parsed
from .jobs import Answer, Job

OURS = "--ours"  # the only argument of a server without the code of third parties
THREADS = 1  # per worker: the same bits and the same times, however many workers there are
PATIENCE_SECONDS = 60.0  # beyond a job's timeout, after which a server that says nothing is killed
ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(THREADS)),
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # of pyarrow, which pandas imports where it is installed
    "PYTHONHASHSEED": "0",
    "TTY_COMPATIBLE": "0",  # only the runner draws a bar on the terminal
}
Submit = Callable[[Mapping[str, Job], Progress], Iterator[tuple[str, Answer]]]


def worker_count(workers: int | None, device: str) -> int:
    """How many processes work at a time; by default one per core, or one on a CUDA device.

    Raises:
        InputError: if there are none, or the device does not exist.
    """
    cores = machine.cores() if accelerator.device(device).type == "cpu" else 1
    workers = cores if workers is None else workers
    if workers < 1:
        raise InputError(f"workers={workers} is out of range: at least 1")
    return workers


@contextmanager
def pool(workers: int, plugins: Sequence[Path] = (), *, takes_third_parties: bool = True) -> Iterator[Submit]:
    """Warm servers, as many as workers; the function that it gives yields the answers to jobs by name as they end.

    Args:
        workers: how many.
        plugins: Python files that register methods.
        takes_third_parties: whether the servers also import what the entry points of other packages name.
    """
    arguments = [*map(str, plugins)] if takes_third_parties else [OURS]
    free: SimpleQueue[Server] = SimpleQueue()
    servers: list[Server] = []

    def answer(name: str, job: Job, shown: Progress) -> Answer:
        server = free.get()
        if server.process.poll() is not None:
            server.close()
            server = _server(arguments)
            servers.append(server)
        shown.started(name)
        try:
            return parsed(Answer, server.ask(line(job), job.timeout + PATIENCE_SECONDS), "the answer of a worker")
        except EndedError as error:
            return Answer("died", f"the worker process ended: {error}")
        finally:
            shown.finished(name)
            free.put(server)

    def submit(jobs: Mapping[str, Job], shown: Progress) -> Iterator[tuple[str, Answer]]:
        while len(servers) < min(workers, len(jobs)):
            servers.append(_server(arguments))
            free.put(servers[-1])
        futures: dict[Future[Answer], str] = {
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
            server.close()  # it ends, and ends what it runs
        threads.shutdown(cancel_futures=True)


def _server(arguments: Sequence[str]) -> Server:
    return Server("influence_bench.bench.run.worker", *arguments, environment=ENVIRONMENT)
