"""Programs that start a run and end, in every way a process can end by itself."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.fluent.spooled import writer_in, writers_in

START = "import sys, os, runstream\nrun = runstream.start_run()\nrun.log({'a': 1})\n"
EXIT_ON_SIGTERM = """
import signal
signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
os.kill(os.getpid(), signal.SIGTERM)
"""


def run_program(spool: Path, program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", START + program],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "RUNSTREAM_TRACKING_URI": f"file:{spool}"},
    )


@pytest.mark.parametrize(
    ("program", "code", "status"),
    [
        ("", 0, "FINISHED"),
        ("sys.exit()", 0, "FINISHED"),
        ("sys.exit(0)", 0, "FINISHED"),
        ("sys.exit(3)", 3, "FAILED"),
        ("sys.exit('no data')", 1, "FAILED"),
        ("sys.exit(143)", 143, "KILLED"),
        ("raise ValueError('bad loss')", 1, "FAILED"),
        ("raise KeyboardInterrupt", -signal.SIGINT, "KILLED"),
        ("run.finish('KILLED'); sys.exit(3)", 3, "KILLED"),
        (
            "try: sys.exit(3)\nexcept SystemExit: run.log({'a': 2})\n",
            0,
            "FINISHED",
        ),
        (EXIT_ON_SIGTERM, 143, "KILLED"),
    ],
)
def test_a_run_that_nobody_ended_ends_with_its_process(
    spool: Path, program: str, code: int, status: str
) -> None:
    done = run_program(spool, program)

    assert done.returncode == code, done.stderr
    assert writer_in(spool).only("finish_run")["status"] == status


def test_the_message_is_what_ended_the_process(spool: Path) -> None:
    done = run_program(spool, "raise ValueError('bad loss')")

    assert "ValueError: bad loss" in done.stderr
    message = writer_in(spool).only("finish_writer")["status_message"]
    assert message.endswith("ValueError: bad loss")


def test_hooks_that_were_there_are_called_still(spool: Path) -> None:
    program = (
        "before = sys.excepthook\n"
        "sys.excepthook = lambda *error: (sys.stderr.write('mine\\n'), before(*error))\n"
        "raise ValueError('bad loss')"
    )

    done = run_program(spool, program)

    assert done.stderr.startswith("mine\n")
    assert "ValueError: bad loss" in done.stderr
    assert writer_in(spool).only("finish_run")["status"] == "FAILED"


def test_nested_runs_end_too(spool: Path) -> None:
    run_program(spool, "runstream.start_run(nested=True)\nsys.exit(1)")

    assert [writer.only("finish_run")["status"] for writer in writers_in(spool)] == ["FAILED"] * 2


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize(
    ("how", "status"),
    [("pass", "FINISHED"), ("raise ValueError('bad')", "FAILED"), ("sys.exit(2)", "FAILED")],
)
def test_a_child_of_multiprocessing_ends_its_run(
    spool: Path, tmp_path: Path, method: str, how: str, status: str
) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import multiprocessing, sys, runstream\n"
        "def work():\n"
        "    runstream.start_run(run_name='child').log({'a': 1})\n"
        f"    {how}\n"
        "if __name__ == '__main__':\n"
        f"    process = multiprocessing.get_context('{method}').Process(target=work)\n"
        "    process.start()\n"
        "    process.join()\n"
    )

    subprocess.run(
        [sys.executable, script],
        check=True,
        capture_output=True,
        timeout=60,
        env={**os.environ, "RUNSTREAM_TRACKING_URI": f"file:{spool}"},
    )

    assert writer_in(spool).only("finish_run")["status"] == status


def test_a_child_that_forks_in_the_middle_of_a_run_is_a_writer_of_its_own(spool: Path) -> None:
    program = (
        "import multiprocessing\n"
        "def work(number):\n"
        "    run.log({'child': number})\n"
        "context = multiprocessing.get_context('fork')\n"
        "children = [context.Process(target=work, args=(number,)) for number in range(3)]\n"
        "[child.start() for child in children]\n"
        "[child.join() for child in children]\n"
    )

    done = run_program(spool, program)

    assert done.returncode == 0, done.stderr
    owner, *forked = writers_in(spool)
    assert owner.only("finish_run")["status"] == "FINISHED"
    assert [writer.ops for writer in forked] == [["create_run", "finish_writer"]] * 3
    assert sorted(writer.points()[0][2] for writer in forked) == [0.0, 1.0, 2.0]
    assert all(writer.points()[0][0] == 1 for writer in forked)
