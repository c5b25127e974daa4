"""What keeps a server from starting, and how it says so."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.support.server import ServerProcess, StartServer

DATA_DIR_REFUSED = 3
PORT_REFUSED = 4
DATABASE_REFUSED = 5
USAGE = 2


def refusal(
    tmp_path: Path, code: int, flags: Mapping[str, object], env: Mapping[str, str] | None = None
) -> str:
    """Starts a server that must end by itself with `code`; returns what it said."""
    server = ServerProcess(tmp_path / "refused", env=env)
    server.flags.update(flags)
    server.launch()
    try:
        assert server.wait() == code, server.log
        return server.log
    finally:
        server.close()


def test_a_second_server_on_the_same_folder_is_refused_and_names_the_first(
    start_server: StartServer, tmp_path: Path
) -> None:
    first = start_server("data")

    message = refusal(tmp_path, DATA_DIR_REFUSED, {"data_dir": first.data_dir})

    assert f"in use by the server with process id {first.pid}" in message
    assert first.get("/health").text == "OK"


def test_a_second_server_on_the_same_database_file_is_refused(
    start_server: StartServer, tmp_path: Path
) -> None:
    uri = f"sqlite:///{tmp_path}/elsewhere/shared.db"
    first = start_server("data", backend_store_uri=uri)

    message = refusal(tmp_path, DATA_DIR_REFUSED, {"backend_store_uri": uri})

    assert f"process id {first.pid}" in message


def test_servers_whose_stores_lie_elsewhere_do_not_share_the_data_folder(
    start_server: StartServer, tmp_path: Path
) -> None:
    def elsewhere(name: str) -> ServerProcess:
        uri = f"sqlite:///{tmp_path}/{name}.db"
        return start_server("data", backend_store_uri=uri, artifacts_destination=tmp_path / name)

    first, second = elsewhere("a"), elsewhere("b")

    assert first.get("/health").text == second.get("/health").text == "OK"
    assert not first.data_dir.exists()


def test_the_folder_is_free_again_after_a_kill(start_server: StartServer) -> None:
    server = start_server()

    server.kill9()

    assert server.start().get("/health").text == "OK"


@pytest.mark.parametrize("flag", ["port", "grpc_port"])
def test_a_busy_port_is_named_with_the_flag_that_changes_it(tmp_path: Path, flag: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]

        message = refusal(tmp_path, PORT_REFUSED, {flag: port})

    assert f"127.0.0.1:{port} is in use" in message
    assert f"--{flag.replace('_', '-')} " in message


def test_an_address_of_another_machine_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, PORT_REFUSED, {"host": "192.0.2.1"})

    assert "192.0.2.1:0 is not an address of this machine" in message


@pytest.mark.parametrize(
    ("flag", "value", "expected"),
    [
        ("backend_store_uri", "postgresql:localhost", "postgresql://user:password@host"),
        ("backend_store_uri", "mysql://localhost/x", "sqlite:////absolute/path"),
        ("backend_store_uri", "sqlite:///", "sqlite:////absolute/path"),
        ("artifacts_destination", "s3:///prefix", "s3://bucket/prefix"),
        ("artifacts_destination", "gs://bucket", "must be a folder"),
        ("port", "99999", "less than or equal to 65535"),
        ("port", "http", "valid integer"),
        ("log_retention", "soon", "must be like 90s, 10m"),
        ("log_retention_bytes", "1 parsec", "must be like"),
        ("log_format", "xml", "'text' or 'json'"),
    ],
)
def test_a_bad_value_is_named_with_its_flag_and_variable(
    tmp_path: Path, flag: str, value: str, expected: str
) -> None:
    message = refusal(tmp_path, USAGE, {flag: value})

    assert f"--{flag.replace('_', '-')} (RUNSTREAM_{flag.upper()}) is {value!r}" in message
    assert expected in message
    assert "Traceback" not in message
    assert not (tmp_path / "refused").exists()


def test_an_unknown_flag_is_refused(tmp_path: Path) -> None:
    assert "--colour" in refusal(tmp_path, USAGE, {"colour": "red"})


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE shopping (item TEXT)")
    other.close()

    message = refusal(tmp_path, DATABASE_REFUSED, {"backend_store_uri": f"sqlite:///{path}"})

    assert "does not belong to runstream" in message
    with sqlite3.connect(path) as other:
        tables = other.execute("SELECT name FROM sqlite_master").fetchall()
    other.close()
    assert tables == [("shopping",)]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, " * 1000)

    message = refusal(tmp_path, DATABASE_REFUSED, {"backend_store_uri": f"sqlite:///{path}"})

    assert str(path) in message
    assert "Traceback" not in message


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    message = refusal(tmp_path, DATA_DIR_REFUSED, {"data_dir": tmp_path / "file" / "data"})

    assert f"cannot use {tmp_path}/file/data" in message


def test_settings_come_from_the_environment_and_flags_go_before_it(tmp_path: Path) -> None:
    environment = {"RUNSTREAM_PORT": "99999", "RUNSTREAM_SHUTDOWN_GRACE": "whenever"}

    message = refusal(tmp_path, USAGE, {"port": 0}, environment)

    assert "--shutdown-grace (RUNSTREAM_SHUTDOWN_GRACE) is 'whenever'" in message
    assert "--port" not in message


def test_an_address_that_others_reach_is_warned_about(start_server: StartServer) -> None:
    # 127.1 is a spelling of 127.0.0.1 that is not recognized as one, and so stands for any other.
    server = start_server(host="127.1")

    (warning,) = server.events("open_to_the_network")

    assert warning["level"] == "WARNING"
    assert "no authentication and no TLS" in warning["advice"]


def test_a_loopback_address_is_not_warned_about(start_server: StartServer) -> None:
    assert not start_server().events("open_to_the_network")


def test_a_failpoint_is_announced_only_while_testing(start_server: StartServer) -> None:
    environment = {"RUNSTREAM_FAILPOINT": "commit.after:3"}
    armed = start_server("a", env={**environment, "RUNSTREAM_TESTING": "1"})
    ignored = start_server("b", env=environment)

    (warning,) = armed.events("failpoint_armed")
    assert warning["failpoint"] == "commit.after:3"
    assert not ignored.events("failpoint_armed")


@pytest.mark.parametrize("value", ["commit.never", "commit.after:0", "commit.after:x"])
def test_an_unknown_failpoint_is_refused(tmp_path: Path, value: str) -> None:
    environment = {"RUNSTREAM_FAILPOINT": value, "RUNSTREAM_TESTING": "1"}

    assert "commit.before" in refusal(tmp_path, USAGE, {}, environment)


def test_a_signal_during_the_start_stops_the_server(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data")
    server.launch()
    try:
        server.wait_for_event("starting")
        server.signal(signal.SIGTERM)

        assert server.wait() == 0
    finally:
        server.close()


def test_help_is_fast_and_names_flags_defaults_and_exit_codes() -> None:
    program = (
        "import sys; from runstream_server.cli import main\n"
        "try: main(['server', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'grpc', 'pydantic', 'sqlalchemy', 'uvicorn'} & set(sys.modules)))"
    )

    output = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    ).stdout

    assert output.endswith("[]\n")
    assert "--data-dir" in output
    assert "(default: 50051)" in output
    assert "exit codes:" in output
