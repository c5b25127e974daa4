"""Flags, environment variables and defaults."""

import argparse
from pathlib import Path

import pytest

from runstream_server.exits import ExitCode, StartRefused
from runstream_server.flags import (
    SERVER_FLAGS,
    UNUSED_SPELLINGS,
    add_flags,
    add_mlflow_spellings,
    given_flags,
)
from runstream_server.settings import ServerSettings, load_settings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for flag in SERVER_FLAGS:
        monkeypatch.delenv(flag.variable, raising=False)


def test_each_setting_is_a_flag_and_each_flag_a_setting() -> None:
    assert {flag.name for flag in SERVER_FLAGS} == set(ServerSettings.model_fields)


def test_the_defaults_that_help_names_are_the_defaults() -> None:
    defaults = load_settings({}).model_dump()
    named = {
        flag.name: flag.default
        for flag in SERVER_FLAGS
        if flag.default != "none" and not flag.default.startswith(("sqlite:", "DATA_DIR", "local"))
    }

    assert load_settings(named).model_dump() == defaults


def test_everything_lies_in_the_data_folder_unless_told_otherwise() -> None:
    settings = load_settings({"data_dir": "/data"})

    assert settings.database_path == Path("/data/runstream.db")
    assert settings.artifacts_dir == Path("/data/artifacts")


@pytest.mark.parametrize(
    ("uri", "path"), [("sqlite:///a/b.db", "a/b.db"), ("sqlite:////a/b.db", "/a/b.db")]
)
def test_a_sqlite_uri_has_three_slashes_before_its_path(uri: str, path: str) -> None:
    assert load_settings({"backend_store_uri": uri}).database_path == Path(path)


@pytest.mark.parametrize(
    ("destination", "path"), [("out", "out"), ("/out", "/out"), ("file:///out", "/out")]
)
def test_artifacts_go_to_a_folder(destination: str, path: str) -> None:
    assert load_settings({"artifacts_destination": destination}).artifacts_dir == Path(path)


@pytest.mark.parametrize(
    ("text", "seconds"), [("5", 5), ("90s", 90), ("1.5m", 90), ("2H", 7200), ("1d", 86_400)]
)
def test_times_have_units(text: str, seconds: float) -> None:
    assert load_settings({"log_retention": text}).log_retention == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("5", 5), ("5B", 5), ("2kB", 2_000), ("1.5 MiB", 1_572_864), ("1GiB", 1 << 30)],
)
def test_sizes_have_units(text: str, size: int) -> None:
    assert load_settings({"log_retention_bytes": text}).log_retention_bytes == size


def test_a_flag_goes_before_its_variable_and_that_before_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RUNSTREAM_PORT", "1")
    monkeypatch.setenv("RUNSTREAM_GRPC_PORT", "2")

    settings = load_settings({"port": "3"})

    assert (settings.port, settings.grpc_port, settings.host) == (3, 2, "127.0.0.1")


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNSTREAM_PORT", "")

    assert load_settings({}).port == 5000


def test_allowed_hosts_are_separated_by_commas() -> None:
    settings = load_settings({"allowed_hosts": " a.example, *.b.example ,"})

    assert settings.allowed_host_patterns == ("a.example", "*.b.example")


def test_all_bad_values_are_named_at_once() -> None:
    with pytest.raises(StartRefused) as caught:
        load_settings({"port": "x", "log_level": "loud"})

    assert caught.value.code is ExitCode.USAGE
    assert "--port (RUNSTREAM_PORT) is 'x'" in str(caught.value)
    assert "--log-level (RUNSTREAM_LOG_LEVEL) is 'loud'" in str(caught.value)


def test_command_lines_of_mlflow_server_are_understood() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, SERVER_FLAGS)
    add_mlflow_spellings(parser)
    unused = [part for names in UNUSED_SPELLINGS for part in (names[0], "--log-level debug")]

    given = given_flags(parser.parse_args(["-p", "7", "--host", "0.0.0.0", *unused]), SERVER_FLAGS)

    assert given == {"port": "7", "host": "0.0.0.0"}
