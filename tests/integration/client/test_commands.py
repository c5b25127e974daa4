"""The command `runstream`, as people and scripts use it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.client.jobs import Jobs
from tests.support.server import ServerProcess

from runstream import Client, MetricPoint

RUNS_MAIN = "import sys\nfrom runstream.cli.main import main\nsys.exit(main({arguments!r}))"


@pytest.fixture
def client(shared_server: ServerProcess) -> Client:
    return Client(f"grpc://{shared_server.grpc_address}")


@pytest.fixture
def run_id(client: Client) -> str:
    run = client.create_run(experiment_name="shown", name="a run", tags={"team": "a"})
    client.log_params(run.run_id, {"lr": "0.1"})
    client.log_metrics(run.run_id, [MetricPoint(key="loss", value=0.5, step=3, time_us=1)])
    client.upload_artifact(run.run_id, "models/a.bin", b"12345")
    client.finish_run(run.run_id, "FINISHED")
    return run.run_id


def test_runs_are_listed(jobs: Jobs, run_id: str) -> None:
    shown = jobs.command("runs", "list", "--experiment", "shown", "--max-results", "1000")
    as_json = jobs.command("runs", "list", "--filter", f"run_id = '{run_id}'", "--json")

    header, *rows = shown.stdout.splitlines()
    assert header.split() == ["RUN", "ID", "NAME", "STATUS", "STARTED", "TOOK"]
    (row,) = [row for row in rows if row.startswith(run_id)]
    assert row.split()[1:4] == ["a", "run", "FINISHED"]
    (found,) = json.loads(as_json.stdout)
    assert found["run_id"] == run_id
    assert found["latest_metrics"]["loss"]["value"] == 0.5


def test_a_run_is_shown(jobs: Jobs, run_id: str) -> None:
    shown = jobs.command("runs", "show", run_id)
    as_json = jobs.command("runs", "show", run_id, "--json")

    lines = dict(line.split("  ", 1) for line in shown.stdout.splitlines())
    assert lines["param lr"].strip() == "0.1"
    assert lines["metric loss"].strip() == "0.5 at step 3"
    assert json.loads(as_json.stdout)["run"]["tags"]["team"] == "a"


def test_what_was_logged_does_not_steer_the_terminal(jobs: Jobs, client: Client) -> None:
    run = client.create_run(name="\x1b[31mred\nline")

    shown = jobs.command("runs", "list", "--filter", f"run_id = '{run.run_id}'")

    assert "\x1b" not in shown.stdout
    assert len(shown.stdout.splitlines()) == 2


def test_a_run_is_watched_until_it_ends(jobs: Jobs, client: Client) -> None:
    run_id = client.create_run().run_id
    client.log_metrics(run_id, [MetricPoint(key="a", value=1)])
    arguments = ["runs", "watch", run_id, "--history"]
    process = jobs.start(RUNS_MAIN.format(arguments=arguments), {"PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None

    first = process.stdout.readline()
    client.log_metrics(run_id, [MetricPoint(key="a", value=2, step=1, rank=3)])
    second = process.stdout.readline()
    client.finish_run(run_id, "KILLED")
    rest, err = process.communicate(timeout=60)

    assert (first.split(), second.split()) == (["0", "a", "1"], ["1", "a", "[3]", "2"])
    assert rest == "the run has ended: KILLED\n"
    assert (process.returncode, err) == (0, "")


def test_watching_as_json_is_an_object_a_line(jobs: Jobs, run_id: str) -> None:
    done = jobs.command("runs", "watch", run_id, "--history", "--json")

    updates = [json.loads(line) for line in done.stdout.splitlines()]
    assert updates[0]["series"][0]["value"] == [0.5]
    assert updates[-1]["run"]["status"] == "FINISHED"


def test_ctrl_c_ends_a_command_without_a_traceback(jobs: Jobs, client: Client) -> None:
    run_id = client.create_run().run_id
    client.log_metrics(run_id, [MetricPoint(key="a", value=1)])
    arguments = ["runs", "watch", run_id, "--history"]
    process = jobs.start(RUNS_MAIN.format(arguments=arguments), {"PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    process.stdout.readline()

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (130, "")


def test_a_reader_that_closes_its_end_is_no_error(jobs: Jobs, run_id: str) -> None:
    arguments = ["runs", "show", run_id]
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as closed:  # noqa: PTH123 - a descriptor
        done = subprocess.run(
            [sys.executable, "-c", RUNS_MAIN.format(arguments=arguments)],
            check=False,
            stdout=closed,
            stderr=subprocess.PIPE,
            timeout=60,
            env=jobs.environment(),
        )

    assert (done.returncode, done.stderr) == (141, b"")


def test_artifacts_are_listed_and_downloaded(jobs: Jobs, run_id: str, tmp_path: Path) -> None:
    top = jobs.command("artifacts", "list", run_id)
    below = jobs.command("artifacts", "list", run_id, "--recursive", "--json")
    down = jobs.command("artifacts", "download", run_id, "--output", str(tmp_path / "out"))

    assert top.stdout.splitlines()[1:] == ["models/"]
    assert [found["path"] for found in json.loads(below.stdout)] == ["models", "models/a.bin"]
    assert down.stdout.splitlines() == [str(tmp_path / "out/models/a.bin")]
    assert (tmp_path / "out/models/a.bin").read_bytes() == b"12345"


def test_experiments_are_listed(jobs: Jobs, run_id: str) -> None:
    assert run_id
    shown = jobs.command("experiments", "list", "--order-by", "name")
    as_json = jobs.command("experiments", "list", "--filter", "name = 'shown'", "--json")

    assert [line.split()[1] for line in shown.stdout.splitlines()] == ["NAME", "Default", "shown"]
    assert [found["name"] for found in json.loads(as_json.stdout)] == ["shown"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "required: COMMAND"),
        (["fly"], 2, "invalid choice: 'fly'"),
        (["runs", "show", "0" * 32], 1, "run 000"),
        (["runs", "show", "mine"], 2, "run_id cannot be 'mine'"),
        (["runs", "list", "--filter", "x >"], 2, "Invalid attribute key 'x'"),
        (["runs", "list", "--max-results", "0"], 2, "0 is not at least 1"),
        (["runs", "list", "--experiment", "nobody's"], 1, "nobody's"),
        (["runs", "list", "--tracking-uri", "grpc://127.0.0.1:1"], 6, "no server answers"),
        (["runs", "list", "--tracking-uri", "http://127.0.0.1:5000"], 2, "use grpc://"),
        (["sync", "--tracking-uri", "http://127.0.0.1:5000"], 2, "use grpc://"),
    ],
)
def test_what_goes_wrong_has_a_code_and_one_line(
    jobs: Jobs, arguments: list[str], code: int, said: str
) -> None:
    done = jobs.command(*arguments)

    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_syncing_nothing_is_fine(jobs: Jobs, tmp_path: Path) -> None:
    done = jobs.command("sync", "--spool-dir", str(tmp_path / "none"))

    assert done.returncode == 0
    assert done.stdout == f"{tmp_path / 'none'}: nothing to deliver\n"


def test_help_loads_no_grpc(jobs: Jobs) -> None:
    done = jobs.run(
        "import sys\n"
        "from runstream.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print('grpc' in sys.modules, 'asyncio' in sys.modules)"
    )

    assert "exit codes:" in done.stdout
    assert done.stdout.splitlines()[-1] == "False False"


@pytest.mark.parametrize("command", ["server", "db"])
def test_the_server_s_commands_are_found_as_entry_points(jobs: Jobs, command: str) -> None:
    done = jobs.command(command, "--help")

    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: runstream {command}")


@pytest.mark.parametrize("arguments", [["server", "--port", "0"], ["db", "version"]])
def test_a_command_whose_parts_are_not_installed_names_the_extra(
    jobs: Jobs, arguments: list[str], tmp_path: Path
) -> None:
    program = RUNS_MAIN.format(arguments=arguments)

    done = jobs.run(
        f"import sys\nfor name in ('sqlalchemy', 'starlette', 'pydantic_settings'):\n"
        f"    sys.modules[name] = None\n{program}",
        {"RUNSTREAM_DATA_DIR": str(tmp_path / "data")},
    )

    assert done.returncode == 1
    assert "pip install 'runstream[server]'" in done.stderr
    assert "Traceback" not in done.stderr
