"""Programs that log while no server answers, and the delivery afterwards."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.client.jobs import Jobs
from tests.support.server import ServerProcess

from runstream import Client

LOGS = """
import sys, runstream
with runstream.start_run(run_name="offline", experiment="later") as run:
    print(run.run_id)
    for step in range(1000):
        run.log({"loss": step}, step=step)
    run.log_text("hello", "a.txt")
sys.exit(7)
"""
LOGS_WITHOUT_END = """
import os, runstream
run = runstream.start_run()
os.write(1, run.run_id.encode() + b"\\n")
step = 0
while True:
    run.log({"a": step, "b": -step}, step=step)
    step += 1
    os.write(1, b".")
"""
QUICK = {"RUNSTREAM_FINISH_TIMEOUT": "1"}


@pytest.fixture
def jobs(tmp_path: Path, server: ServerProcess) -> Iterator[Jobs]:
    """Jobs whose server is not there; it comes to its address when the test starts it again."""
    jobs = Jobs(tmp_path, f"grpc://{server.grpc_address}")
    server.kill9()
    yield jobs
    jobs.close()


def test_a_job_without_a_server_ends_as_it_would_and_sync_delivers_later(
    jobs: Jobs, server: ServerProcess
) -> None:
    done = jobs.run(LOGS, QUICK)
    run_id = done.stdout.strip()
    jobs.end_shipper()

    server.start()
    synced = jobs.command("sync")

    assert done.returncode == 7
    assert f"run {run_id} is not delivered yet" in done.stderr
    assert "1,000 rows, 4 records, 1 files wait" in done.stderr
    assert "deliver it with: runstream sync" in done.stderr
    assert synced.returncode == 0, synced.stdout + synced.stderr
    with Client(jobs.uri) as client:
        run = client.get_run(run_id)
        assert (run.name, run.status) == ("offline", "FINISHED")
        assert list(client.history(run_id)["loss"].value) == list(range(1_000))
        assert client.read_artifact(run_id, "a.txt") == b"hello"


def test_sync_says_what_it_could_not_deliver(jobs: Jobs) -> None:
    jobs.run(LOGS, QUICK)
    jobs.end_shipper()

    done = jobs.command("sync", "--timeout", "1", "--json")

    assert done.returncode == 7
    assert '"delivered": false' in done.stdout
    assert '"pending_rows": 1000' in done.stdout


def test_a_server_that_never_answered_is_not_waited_for_as_long_as_one_that_did(
    jobs: Jobs,
) -> None:
    start = time.monotonic()

    done = jobs.run(LOGS)

    assert done.returncode == 7
    assert "delivering run" in done.stderr
    assert "the server does not answer" in done.stderr
    assert time.monotonic() - start < 25


def test_the_shipper_goes_on_after_the_job(jobs: Jobs, server: ServerProcess) -> None:
    done = jobs.run(LOGS, {"RUNSTREAM_FINISH_TIMEOUT": "0"})
    run_id = done.stdout.strip()
    assert done.returncode == 7

    server.start()

    with Client(jobs.uri) as client:
        deadline = time.monotonic() + 30
        while not any(
            run.run_id == run_id for run in client.search_runs("", "status = 'FINISHED'")
        ):
            assert time.monotonic() < deadline


def test_a_server_that_stalls_costs_no_more_than_the_deadline(
    jobs: Jobs, server: ServerProcess
) -> None:
    server.start()
    server.signal(signal.SIGSTOP)
    start = time.monotonic()

    done = jobs.run(LOGS, QUICK)

    server.signal(signal.SIGCONT)
    assert done.returncode == 7
    assert "is not delivered yet" in done.stderr
    assert time.monotonic() - start < 20


def test_ctrl_c_ends_the_wait(jobs: Jobs) -> None:
    process = jobs.start(
        "import runstream, sys\n"
        "with runstream.start_run() as run: run.log({'a': 1}); print('logged', flush=True)\n"
    )
    assert process.stdout is not None
    process.stdout.readline()
    while "delivering" not in _peek(process.stderr):
        pass

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)

    assert process.returncode == -signal.SIGINT
    assert "may not be delivered whole" in err


def _peek(stream: object) -> str:
    return stream.readline()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("rows", [1, 500])
def test_a_job_that_is_killed_loses_no_row_whose_log_returned(
    jobs: Jobs, server: ServerProcess, rows: int
) -> None:
    process = jobs.start(LOGS_WITHOUT_END)
    assert process.stdout is not None
    out = process.stdout.fileno()
    run_id = os.read(out, 33).decode().strip()
    returned = 0
    while returned < rows:
        returned += len(os.read(out, 1))
    process.kill()
    while part := os.read(out, 1 << 16):
        returned += len(part)
    jobs.end_shipper()

    server.start()
    synced = jobs.command("sync")

    assert synced.returncode == 0, synced.stdout + synced.stderr
    with Client(jobs.uri) as client:
        history = client.history(run_id)
        delivered = len(history["a"])
        # The kill may come after log() has returned and before the process could say so.
        assert returned <= delivered <= returned + 1
        assert list(history["a"].step) == list(range(delivered))
        assert list(history["b"].value) == [-float(step) for step in range(delivered)]


def test_a_folder_of_another_machine_is_delivered_to_the_server_that_one_names(
    jobs: Jobs, server: ServerProcess, tmp_path: Path
) -> None:
    folder = tmp_path / "brought along"
    done = jobs.run(LOGS, {"RUNSTREAM_TRACKING_URI": f"file:{folder}"})
    server.start()

    without = jobs.command("sync", "--spool-dir", str(folder))
    synced = jobs.command("sync", "--spool-dir", str(folder), "--tracking-uri", jobs.uri)

    assert done.returncode == 7
    assert done.stderr == ""
    assert without.returncode == 7
    assert "not delivered: 1,000 rows" in without.stdout
    assert synced.returncode == 0, synced.stdout + synced.stderr
    with Client(jobs.uri) as client:
        assert client.get_run(done.stdout.strip()).status == "FINISHED"
