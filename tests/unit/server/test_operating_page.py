"""docs/operating.md names all that it should: flags, exit codes, log events, metrics."""

import re
from pathlib import Path

import pytest

from runstream_server.core.instruments import Instruments
from runstream_server.exits import ExitCode
from runstream_server.flags import SERVER_FLAGS, Flag

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "operating.md").read_text()
SOURCES = ROOT / "server" / "runstream_server"
LOG_CALL = re.compile(
    r"\b_?log\.(?:debug|info|warning|error|exception|critical|log)\(\s*(?:level,\s*)?\"([^\"]+)\""
)


@pytest.mark.parametrize("flag", SERVER_FLAGS, ids=lambda flag: flag.name)
def test_every_flag_is_described(flag: Flag) -> None:
    assert f"`{flag.spelling}`" in PAGE


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_described(code: ExitCode) -> None:
    assert f"| {code.value} | {code.meaning} |" in PAGE


def test_every_log_event_is_described_and_no_other() -> None:
    logged = {
        event for path in SOURCES.rglob("*.py") for event in LOG_CALL.findall(path.read_text())
    }
    events = PAGE.partition("| event | level |")[2].partition("\n\n")[0]
    described = {
        name
        for line in events.splitlines()
        for name in re.findall(r"`([a-z0-9_]+)`", line.split("|")[1] if "|" in line else "")
    }

    assert logged == described


def test_every_metric_of_the_frame_is_described() -> None:
    registry = Instruments("0").registry
    names = {family.name for family in registry.collect() if family.name.startswith("runstream_")}

    assert not {name for name in names if f"`{name}" not in PAGE}
