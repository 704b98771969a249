"""A process answers line for line; however it ends, the asker learns it in one line and never waits for nothing."""

import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from influence_bench.bench import processes
from influence_bench.bench.processes import EndedError, Server, ending

BENCH = Path(processes.__file__).parent


@pytest.fixture
def start(tmp_path):
    """Start a process that answers by an expression in `question`; its modules load in no time."""

    def started(expression, imports="", **options):
        (tmp_path / "served.py").write_text(
            "import os, signal, sys, time\nfrom processes import serve\n"
            f"{imports}\nserve(lambda question: str({expression}))\n"
        )
        return closing(Server("served", environment={"PYTHONPATH": f"{tmp_path}:{BENCH}"}, **options))

    return started


def test_each_question_gets_its_answer(start):
    with start("question.strip()[::-1] * 200_000") as server:
        assert [server.ask(question) for question in ("ab", "", "c")] == ["ba" * 200_000, "", "c" * 200_000]


def test_nothing_printed_is_taken_for_an_answer(start, capfd):
    with start("print('loud') or 'answer'", "print('imported')\nos.write(1, b'unbuffered')") as server:
        assert server.ask("") == "answer"
    out, err = capfd.readouterr()
    assert out == ""
    assert all(text in err for text in ("imported", "unbuffered", "loud"))


def test_a_quiet_process_prints_nothing(start, capfd):
    with start("print('loud', file=sys.stderr) or 'answer'", "print('imported')", quiet=True) as server:
        assert server.ask("") == "answer"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("sys.exit(3)", "its process died with exit status 3"),
        ("1 / 0", "its process died with exit status 1"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "its process died, killed by signal 9"),
        ("os.write(0, b'half an ans') and os._exit(4)", "its process died with exit status 4"),
    ],
)
def test_a_death_is_one_line_for_this_question_and_the_next(start, expression, message):
    with start(expression, quiet=True) as server:
        for _ in range(2):
            with pytest.raises(EndedError, match=f"^{message}$"):
                server.ask("")


def test_a_process_that_does_not_start_is_one_line():
    with closing(Server("no_such_module", quiet=True)) as server, pytest.raises(EndedError, match="exit status 1"):
        server.ask("")


def test_a_silent_process_is_stopped(start):
    with start("time.sleep(60)") as server:
        with pytest.raises(EndedError, match=r"^stopped after 0\.2 s$"):
            server.ask("", 0.2)
        assert server.process.returncode == -9


def test_a_process_ends_when_it_is_closed(start):
    with start("question") as server:
        server.ask("")
    assert server.process.returncode == 0


def test_a_process_that_does_not_end_is_killed(start, monkeypatch):
    monkeypatch.setattr(processes, "LEAVE_SECONDS", 0.1)
    with start("question", "import atexit\natexit.register(time.sleep, 60)") as server:
        server.ask("")
    assert server.process.returncode == -9


def test_whoever_waits_for_an_answer_hears_that_the_process_was_closed(start, monkeypatch):
    monkeypatch.setattr(processes, "LEAVE_SECONDS", 0.1)
    errors = []

    def ask():
        try:
            server.ask("")
        except EndedError as error:
            errors.append(str(error))

    with start("time.sleep(60)") as server:
        waiting = threading.Thread(target=ask)
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
    waiting.join(5)
    assert errors == ["its process died, killed by signal 9"]


def test_a_process_may_take_its_time_to_finish(start, monkeypatch):
    monkeypatch.setattr(processes, "LEAVE_SECONDS", 0.1)
    with start("question", "import atexit\natexit.register(time.sleep, 0.5)") as server:
        server.ask("")
        server.finish()
    assert server.process.returncode == 0


KEEPER = """
import processes, subprocess, sys
secret, spy = "-".join(["se", "cret"]) * 3, sys.argv[1]
{keep}
subprocess.run([sys.executable, "-c", spy])
"""
SPY = """
import os
parent = os.getppid()
with open(f"/proc/{parent}/maps") as maps, open(f"/proc/{parent}/mem", "rb", 0) as memory:
    for line in maps:
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        if "[heap]" in line or line.split()[-1] == "0":
            memory.seek(start)
            if b"-".join([b"se", b"cret"]) * 3 in memory.read(end - start):
                print("seen")
                break
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /proc")
@pytest.mark.parametrize(("keep", "seen"), [("", "seen\n"), ("processes.keep_secrets()", "")])
def test_no_process_below_one_that_keeps_secrets_reads_its_memory(keep, seen):
    command = [sys.executable, "-c", KEEPER.format(keep=keep), SPY]
    done = subprocess.run(command, cwd=BENCH, capture_output=True, text=True)
    assert done.stdout == seen, done.stderr


ENDER = """
import os, processes, subprocess, sys, time
processes.keep_secrets()
subprocess.run("(setsid sleep 60 & echo $!); setsid sleep 61 & echo $!", shell=True)
subprocess.Popen(["sleep", "62"])
processes.end_children()
print(open(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read().split())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems adopt no orphans")
def test_no_process_below_this_one_is_left_not_even_an_orphan():
    done = subprocess.run([sys.executable, "-c", ENDER], cwd=BENCH, capture_output=True, text=True)
    *pids, left = done.stdout.splitlines()
    assert len(pids) == 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert left == "[]"


@pytest.mark.parametrize(("status", "words"), [(0, "exit status 0"), (3, "exit status 3"), (-9, "killed by signal 9")])
def test_how_a_process_ended(status, words):
    assert ending(status) == words


def test_the_process_runs_this_python(start):
    with start("sys.executable") as server:
        assert server.ask("") == sys.executable
