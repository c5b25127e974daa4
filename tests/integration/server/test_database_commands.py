"""`runstream db`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.server import StartServer

DATA_DIR_REFUSED = 3
DATABASE_REFUSED = 5


def db(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    clean = {k: v for k, v in os.environ.items() if not k.startswith("RUNSTREAM_")}
    command = [sys.executable, "-m", "runstream_server", "db", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=clean)


def test_version_names_that_of_the_database_and_of_the_program(start_server: StartServer) -> None:
    server = start_server()

    shown = db("version", "--data-dir", server.data_dir)

    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == "database=0002 program=0002\n"


def test_a_database_is_not_upgraded_under_a_server(start_server: StartServer) -> None:
    server = start_server()

    refused = db("upgrade", "--data-dir", server.data_dir)

    assert refused.returncode == DATA_DIR_REFUSED
    assert f"process id {server.pid}" in refused.stderr


def test_an_upgrade_of_a_current_database_changes_nothing(start_server: StartServer) -> None:
    server = start_server()
    assert server.terminate() == 0

    upgraded = db("upgrade", "--data-dir", server.data_dir)

    assert upgraded.returncode == 0, upgraded.stderr
    assert upgraded.stdout == "database=0002 was=0002\n"
    assert server.start().get("/health").text == "OK"


@pytest.mark.parametrize("action", ["version", "upgrade"])
def test_a_database_that_is_missing_is_not_made(tmp_path: Path, action: str) -> None:
    refused = db(action, "--data-dir", tmp_path / "nowhere")

    assert refused.returncode == DATABASE_REFUSED
    assert str(tmp_path / "nowhere" / "runstream.db") in refused.stderr
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("action", ["version", "upgrade"])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, action: str) -> None:
    (tmp_path / "notes.txt").write_text("not a database, " * 1000)

    refused = db(
        action, "--backend-store-uri", f"sqlite:///{tmp_path}/notes.txt", "--data-dir", tmp_path
    )

    assert refused.returncode == DATABASE_REFUSED
    assert "Traceback" not in refused.stderr
