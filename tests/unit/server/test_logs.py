"""The two forms of the log."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from runstream_server.logs import configure_logs

OWN = logging.getLogger("runstream_server.test")
FOREIGN = logging.getLogger("somebody.else")


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("runstream_server")
    before = root.handlers[:], root.level, own.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    own.setLevel(before[2])
    logging.captureWarnings(capture=False)


def logged(
    log_format: Literal["text", "json"], event: str, level: int = logging.INFO, **fields: object
) -> str:
    stream = io.StringIO()
    configure_logs("info", log_format, stream)
    OWN.log(level, event, extra=fields)
    return stream.getvalue()


def test_a_text_line_has_time_level_event_and_fields() -> None:
    line = logged("text", "run_sealed", run_id="abc", ms=1.25, points=3, done=True)

    moment, rest = line.split(" ", 1)
    assert rest == "INFO run_sealed run_id=abc ms=1.25 points=3 done=True\n"
    assert len(moment) == len("2026-11-22T23:01:02.123Z")
    assert moment.endswith("Z")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a b", '"a b"'),
        ("", '""'),
        ('say "hi"', r'"say \"hi\""'),
        ("a=b", '"a=b"'),
        ("forged\n2026 ERROR", r'"forged\n2026 ERROR"'),
        ("\x1b[31m", r'"\u001b[31m"'),
        ("é", "é"),
    ],
)
def test_values_cannot_be_mistaken_for_something_else(value: str, shown: str) -> None:
    assert logged("text", "event", value=value).endswith(f" value={shown}\n")


def test_a_json_line_holds_the_same() -> None:
    document: dict[str, Any] = json.loads(logged("json", "run_sealed", run_id="a\nb", points=3))

    assert document.pop("time").endswith("Z")
    assert document == {"level": "INFO", "event": "run_sealed", "run_id": "a\nb", "points": 3}


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_comes_along(log_format: Literal["text", "json"]) -> None:
    stream = io.StringIO()
    configure_logs("info", log_format, stream)
    try:
        raise KeyError("lost")
    except KeyError:
        OWN.exception("failed", extra={"run_id": "abc"})

    output = stream.getvalue()
    assert "KeyError: 'lost'" in output
    assert output.count("\n") == 1 if log_format == "json" else "\n    Traceback" in output


def test_debug_lines_are_left_out_unless_asked_for() -> None:
    assert not logged("text", "event", logging.DEBUG)


def test_other_programs_speak_from_warning_on_and_by_name() -> None:
    stream = io.StringIO()
    configure_logs("debug", "text", stream)

    FOREIGN.info("chatter")
    FOREIGN.warning("look %s", "out")

    assert stream.getvalue().endswith("WARNING look out logger=somebody.else\n")
    assert "chatter" not in stream.getvalue()
