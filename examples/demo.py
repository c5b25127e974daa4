"""Starts a server, trains in several processes, shows what arrives, and leaves the server running.

    make demo               until Ctrl-C
    make demo DEMO_EXIT=1   until the training is over

| variable | what | else |
| --- | --- | --- |
| DEMO_DATA_DIR | the server's folder | ./runstream-data |
| DEMO_GRPC_PORT, DEMO_HTTP_PORT | its ports; 0 is a free one | 50051, 5000 |
| DEMO_PROCESSES | how many processes train | 4 |
| DEMO_STEPS | how many batches they train on | 600 |
| DEMO_STEPS_PER_S | go no faster, so that one can watch; 0 is full speed | 40 |
"""

import asyncio
import contextlib
import os
import signal
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from demo_live import LiveTable, follow
from demo_report import Outcome, print_commands, report
from demo_server import Server, ServerFailed, clean_environment, running_server
from runstream import RunstreamError

TRAINING = Path(__file__).with_name("train_digits.py")
INTERRUPTED_TIMEOUT_S = 5.0
STOP_TIMEOUT_S = 15.0
LAST_POINTS_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """What the environment says."""

    data_dir: Path
    grpc_port: int
    http_port: int
    processes: int
    steps: int
    steps_per_s: float
    exits: bool

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "DemoSettings":
        return cls(
            data_dir=Path(environ.get("DEMO_DATA_DIR") or "runstream-data"),
            grpc_port=int(environ.get("DEMO_GRPC_PORT") or 50051),
            http_port=int(environ.get("DEMO_HTTP_PORT") or 5000),
            processes=int(environ.get("DEMO_PROCESSES") or 4),
            steps=int(environ.get("DEMO_STEPS") or 600),
            steps_per_s=float(environ.get("DEMO_STEPS_PER_S") or 40),
            exits=environ.get("DEMO_EXIT", "") not in {"", "0"},
        )


async def train(server: Server, settings: DemoSettings) -> Outcome:
    """Runs the training, and meanwhile shows what the server has of it.

    Raises:
        RuntimeError: The training failed.
    """
    environment = clean_environment()
    environment["RUNSTREAM_TRACKING_URI"] = server.uri
    # Without its own id, a job inside a Slurm step would go on with the run of the one before.
    environment["RUNSTREAM_JOB_ID"] = f"demo-{uuid.uuid4()}"
    options = {
        "--processes": settings.processes,
        "--steps": settings.steps,
        "--steps-per-s": settings.steps_per_s,
    }
    words = [word for option in options.items() for word in map(str, option)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(TRAINING), *words, stdout=asyncio.subprocess.PIPE, env=environment
    )
    try:
        said = await watch_training(process, server, settings)
        if code := await process.wait():
            raise RuntimeError(f"the training failed with exit code {code}")
        return Outcome.of(said)
    finally:
        await stop(process)


async def watch_training(
    process: asyncio.subprocess.Process, server: Server, settings: DemoSettings
) -> dict[str, str]:
    """Returns what the training said, as `run`, `points` and so on."""
    assert process.stdout is not None
    table = LiveTable(settings.processes, every_steps=max(1, settings.steps // 8))
    said: dict[str, str] = {}
    watching: asyncio.Task[None] | None = None
    async for line in process.stdout:
        said |= dict(word.split("=", 1) for word in line.decode().split() if "=" in word)
        if watching is None and "run" in said:
            watching = asyncio.create_task(follow(server.uri, said["run"], table))
    if watching is not None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(watching, LAST_POINTS_TIMEOUT_S)
    return said


async def stop(process: asyncio.subprocess.Process) -> None:
    """Ends the training, if it still runs. Ctrl-C has reached it as well, SIGTERM has not."""
    for timeout_s, end in (
        (INTERRUPTED_TIMEOUT_S, process.terminate),
        (STOP_TIMEOUT_S, process.kill),
    ):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), timeout_s)
        if process.returncode is not None:
            return
        end()
    await process.wait()


def run(settings: DemoSettings) -> int:
    """Runs the demo and returns its exit code."""
    with running_server(
        settings.data_dir, grpc_port=settings.grpc_port, http_port=settings.http_port
    ) as server:
        print(f"serving    {server.uri} and http://{server.http}, data in {settings.data_dir}")
        speed = f"at most {settings.steps_per_s:g} a second, to be watched"
        speed = speed if settings.steps_per_s else "as fast as can be"
        print(f"training   {settings.processes} processes, {settings.steps} steps, {speed}\n")
        outcome = asyncio.run(train(server, settings))
        problems = report(server, outcome)
        if not settings.exits:
            print_commands(server, outcome)
            print("\nServing until Ctrl-C.", flush=True)
            server.wait()
        return 1 if problems else 0


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return run(DemoSettings.read(os.environ))
    except KeyboardInterrupt:
        print("\nstopped")
        return 0
    except (RuntimeError, ServerFailed, RunstreamError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
