"""From what was raised to what a client gets."""

import logging
import secrets
from datetime import timedelta
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.rpc import (  # pyright: ignore[reportMissingTypeStubs] - they lie in another package
    code_pb2,
    error_details_pb2,
    status_pb2,
)

from runstream_server.core.errors import Failure, Reason
from runstream_server.core.outages import failure_in

__all__ = ["defect", "status_of", "told"]

DOMAIN: Final = "runstream"

# Clients refuse headers over 8 KiB. The message travels twice: once percent-encoded (up to 3 bytes
# for one) and once, with the metadata, in base64 (4 bytes for 3).
MAX_MESSAGE_BYTES: Final = 1024
MAX_DETAILS_BYTES: Final = 3072
METADATA_LIMITS: Final = (500, 160, 50, 15)

_log = logging.getLogger(__name__)


def defect() -> Failure:
    """Returns what a client is told of a defect: an id, under which the log has the rest."""
    request_id = secrets.token_hex(8)
    return Failure(
        Reason.INTERNAL,
        f"the server failed; its log has the details under request id {request_id}",
        request_id=request_id,
    )


def told(error: Exception, method: str) -> Failure:
    """Returns what a client is told of `error`; logs what the client is not told."""
    failure = failure_in(error)
    if failure is None:
        failure = defect()
        fields = {"method": method, **failure.metadata}
        _log.error("rpc_defect", exc_info=error, extra=fields)
    elif not isinstance(error, Failure | BaseExceptionGroup):
        _log.error("storage_failed", exc_info=error, extra={"method": method})
    return failure


def status_of(failure: Failure) -> status_pb2.Status:
    """Renders a failure: code, message, ErrorInfo, and RetryInfo where a retry makes sense."""
    sizes = iter(METADATA_LIMITS)
    status = _status(failure, next(sizes))
    for limit in sizes:
        if status.ByteSize() <= MAX_DETAILS_BYTES:
            break
        status = _status(failure, limit)
    return status


def _status(failure: Failure, metadata_limit: int) -> status_pb2.Status:
    code: int = code_pb2.Code.Value(failure.reason.status.name)
    status = status_pb2.Status(code=code, message=_clean(failure.message, MAX_MESSAGE_BYTES))
    metadata = {name: _clean(value, metadata_limit) for name, value in failure.metadata.items()}
    info = error_details_pb2.ErrorInfo(reason=failure.reason.name, domain=DOMAIN, metadata=metadata)
    status.details.add().Pack(info)
    if failure.retry_delay_s is not None:
        delay = Duration()
        delay.FromTimedelta(timedelta(seconds=failure.retry_delay_s))
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return status


def _clean(text: str, limit_bytes: int) -> str:
    """Returns `text` as valid UTF-8 of at most about `limit_bytes`."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit_bytes:
        return encoded.decode()
    return encoded[:limit_bytes].decode(errors="ignore") + "…"
