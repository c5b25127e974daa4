"""Real jobs that stream to a server while a test looks on.

def test_grows(ui: Ui, start_job: StartJob) -> None:
    job = start_job(name="first")
    job.log({"loss": 0.5}, step=1)
    ui.open(f"#/runs/{job.run_id}")
    job.stream("loss", "accuracy", per_second=20)
    ...
    job.finish()
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest
from tests.integration.client.jobs import Jobs
from tests.support.server import ServerProcess, wait_until

from runstream import Client, NotFound

__all__ = ["StartJob", "StreamingJob", "start_job"]

PROGRAM = Path(__file__).with_name("streaming_program.py")
ANSWER_TIMEOUT_S = 90.0


class StreamingJob:
    """A process that logs one run through the fluent client.

    Args:
        jobs: The environment, and the spool, in which it runs.
        options: Arguments of the program.

    Attributes:
        run_id: The run.
        errors_path: What it wrote to its standard error.
    """

    def __init__(self, jobs: Jobs, options: list[str]) -> None:
        jobs.folder.mkdir(parents=True, exist_ok=True)
        self.errors_path = jobs.folder / "job.err"
        with self.errors_path.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, str(PROGRAM), *options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=jobs.environment(),
            )
        self.run_id = self._answer()

    def log(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Logs metrics, and returns when the call of `log` did."""
        self._order(log=dict(metrics), step=step)

    def stream(self, *keys: str, per_second: float = 20) -> None:
        """Lets it log these metrics from now on, until it ends."""
        self._order(stream=keys, per_second=per_second)

    def params(self, params: Mapping[str, object]) -> None:
        self._order(params=dict(params))

    def tags(self, tags: Mapping[str, str]) -> None:
        self._order(tags=dict(tags))

    def text(self, text: str, path: str) -> None:
        """Logs a text as an artifact, in place of an earlier one."""
        self._order(text=text, path=path)

    def file(self, file: Path, folder: str | None = None) -> None:
        """Logs a file as an artifact."""
        self._order(file=str(file), folder=folder)

    def finish(self, status: str = "FINISHED") -> None:
        """Ends the run, and returns when everything is delivered."""
        self._order(finish=status)

    def die(self) -> None:
        """Ends the process as a crash does: the run goes on, as far as the server knows."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self.die()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _order(self, **order: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        said = self._answer()
        assert said == "done", f"{order}: {said!r}\n{self.errors_path.read_text()}"

    def _answer(self) -> str:
        assert self._process.stdout is not None
        late = threading.Timer(ANSWER_TIMEOUT_S, self._process.kill)
        late.start()
        try:
            line = self._process.stdout.readline()
        finally:
            late.cancel()
            late.join()
        assert line, f"the job ended: {self.errors_path.read_text()}"
        return line.strip()


class StartJob(Protocol):
    """Starts a job that ends with the test."""

    def __call__(
        self, *, experiment: str = "streams", name: str = "", parent: str = ""
    ) -> StreamingJob: ...


@pytest.fixture
def start_job(server: ServerProcess, client: Client, tmp_path: Path) -> Iterator[StartJob]:
    """Starts jobs that log to the test's server, each with a spool of its own.

    The server knows their runs when it returns.
    """
    started: list[StreamingJob] = []
    spools: list[Jobs] = []

    def start(*, experiment: str = "streams", name: str = "", parent: str = "") -> StreamingJob:
        jobs = Jobs(tmp_path / f"job-{len(spools)}", f"grpc://{server.grpc_address}")
        spools.append(jobs)
        options = ["--experiment", experiment, f"--name={name}", "--parent", parent]
        started.append(StreamingJob(jobs, options))
        wait_until(lambda: _is_known(client, started[-1].run_id), what="the run arrives")
        return started[-1]

    try:
        yield start
    finally:
        for job in started:
            job.close()
        for jobs in spools:
            jobs.close()


def _is_known(client: Client, run_id: str) -> bool:
    try:
        client.get_run(run_id, omit_metrics=True, omit_inputs=True)
    except NotFound:
        return False
    return True
