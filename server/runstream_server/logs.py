"""The log: one line an event, on stderr.

Code logs the name of an event and its fields: `log.info("sealed", extra={"run_id": …})`. `text`
is for people, `json` (one object a line) for programs; both hold the same.
"""

import json
import logging
import sys
import time
from collections.abc import Mapping
from typing import Final, Literal, TextIO

__all__ = ["JsonFormatter", "TextFormatter", "configure_logs"]

OWN_LOGGERS: Final = "runstream_server"
_STANDARD_FIELDS: Final = frozenset(
    vars(logging.LogRecord("", 0, "", 0, "", (), None)) | {"message": "", "asctime": ""}
)


def configure_logs(
    level: str, log_format: Literal["text", "json"], stream: TextIO | None = None
) -> None:
    """Sends logs to `stream` or stderr: this program's from `level` on, others' from WARNING on."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OWN_LOGGERS).setLevel(level.upper())
    logging.captureWarnings(capture=True)


class TextFormatter(logging.Formatter):
    """`2026-11-22T23:01:02.123Z INFO rpc method=… code=OK`; a traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={_shown(value)}" for name, value in _fields(record).items())
        event = record.getMessage()
        line = f"{_time(record)} {record.levelname} {event} {fields}".rstrip()
        trouble = _traceback(self, record)
        return f"{line}\n{_indented(trouble)}" if trouble else line


class JsonFormatter(logging.Formatter):
    """One object a line: `time`, `level`, `event`, the event's fields, and any `traceback`."""

    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname,
            "event": record.getMessage(),
            **_fields(record),
        }
        trouble = _traceback(self, record)
        if trouble:
            document["traceback"] = trouble
        return json.dumps(document, default=str)


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    fields = {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}
    if not record.name.startswith(OWN_LOGGERS):
        fields["logger"] = record.name
    return fields


def _time(record: logging.LogRecord) -> str:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{moment}.{int(record.msecs):03d}Z"


def _shown(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    plain = text.isprintable() and text and not any(c in ' "=' for c in text)
    return text if plain else json.dumps(text, ensure_ascii=False)


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    if record.exc_info:
        return formatter.formatException(record.exc_info)
    return ""


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())
