"""What is known of one RPC while it runs: its sizes, its outcome, and its line in the log."""

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from google.protobuf.message import DecodeError, Message

from runstream_server.core.errors import Failure, Reason
from runstream_server.core.instruments import RpcInstruments

__all__ = ["RpcRecord", "annotate"]

QUIET_SERVICES: Final = ("grpc.health.",)
"""Probes come every few seconds, so their lines are for debugging only."""
ALARMING_CODES: Final = frozenset(
    {"UNAVAILABLE", "RESOURCE_EXHAUSTED", "DATA_LOSS", "INTERNAL", "UNKNOWN"}
)

_log = logging.getLogger("runstream_server.rpc")
_current: ContextVar["RpcRecord | None"] = ContextVar("rpc_record", default=None)


def annotate(**fields: object) -> None:
    """Adds fields to the log line of the RPC that is being handled, for example `run_id`."""
    record = _current.get()
    if record is not None:
        record.fields.update(fields)


class RpcRecord:
    """Measures one RPC. The task that handles it calls `begin`, and `end` in every case."""

    def __init__(self, method: str, instruments: RpcInstruments, max_message_bytes: int) -> None:
        self.method = method.removeprefix("/")
        self.code = "OK"
        self.reason = ""
        self.fields: dict[str, object] = {}
        self._instruments = instruments
        self._metrics = instruments.method(self.method)
        self._max_message_bytes = max_message_bytes
        self._received = [0, 0]
        self._sent = [0, 0]
        self._begin_s = 0.0

    def begin(self) -> None:
        self._begin_s = time.perf_counter()
        self._metrics.in_flight.inc()
        _current.set(self)

    def decoder(self, decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        """Returns a counting `decode` whose errors are failures of the client.

        Raises:
            Failure: The message is larger than the limit, or not a message of this type.
        """

        def decode_counting(raw: bytes) -> Any:  # noqa: ANN401 - any message
            size = len(raw)
            self._received[0] += 1
            self._received[1] += size
            self._metrics.received_bytes.inc(size)
            if size > self._max_message_bytes:
                raise Failure(
                    Reason.LIMIT_EXCEEDED,
                    f"the message has {size} bytes, and the server takes up to "
                    f"{self._max_message_bytes}; send it as several smaller ones",
                    limit="max_message_bytes",
                    value=size,
                )
            try:
                message = decode(raw)
            except DecodeError as error:
                raise Failure(
                    Reason.INVALID_VALUE,
                    f"the message of {size} bytes is not what {self.method} takes; "
                    "generate the stubs anew from the server's contract",
                    field="",
                    value="",
                ) from error
            if self._received[0] == 1:
                self._note_run(message)
            return message

        return decode_counting

    def encoder(self, encode: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
        """Returns a counting `encode`."""

        def encode_counting(message: Message) -> bytes:
            raw = encode(message)
            self.sent(len(raw))
            return raw

        return encode_counting

    def sent(self, size: int) -> None:
        """Counts a message of `size` bytes."""
        self._sent[0] += 1
        self._sent[1] += size
        self._metrics.sent_bytes.inc(size)

    def end(self, peer: str) -> None:
        """Counts the RPC and writes its line."""
        seconds = time.perf_counter() - self._begin_s
        self._metrics.in_flight.dec()
        self._metrics.seconds.observe(seconds)
        self._instruments.finished(self.method, self.code)
        level = self._level()
        if not _log.isEnabledFor(level):
            return
        outcome = {"reason": self.reason} if self.reason else {}
        fields = {
            "method": self.method,
            "code": self.code,
            **outcome,
            "ms": round(seconds * 1000, 3),
            "received_messages": self._received[0],
            "received_bytes": self._received[1],
            "sent_messages": self._sent[0],
            "sent_bytes": self._sent[1],
            "peer": peer,
            **self.fields,
        }
        _log.log(level, "rpc", extra=fields)

    def _level(self) -> int:
        if self.code in ALARMING_CODES:
            return logging.WARNING
        return logging.DEBUG if self.method.startswith(QUIET_SERVICES) else logging.INFO

    def _note_run(self, message: Any) -> None:  # noqa: ANN401 - any message
        run_id = getattr(message, "run_id", "")
        if isinstance(run_id, str) and run_id:
            self.fields["run_id"] = run_id[:64]
