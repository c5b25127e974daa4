"""What went wrong, in the form of the Connect protocol: `{"code", "message", "details"}`."""

import base64
import json
from collections.abc import Iterable
from typing import Any, Final

from google.protobuf import any_pb2, json_format
from starlette.responses import Response

from runstream_server.core.errors import Failure
from runstream_server.rpc.status import status_of

__all__ = ["ConnectError"]

HTTP_STATUS: Final = {
    "canceled": 499,
    "unknown": 500,
    "invalid_argument": 400,
    "deadline_exceeded": 504,
    "not_found": 404,
    "already_exists": 409,
    "permission_denied": 403,
    "resource_exhausted": 429,
    "failed_precondition": 400,
    "aborted": 409,
    "out_of_range": 400,
    "unimplemented": 501,
    "internal": 500,
    "unavailable": 503,
    "data_loss": 500,
    "unauthenticated": 401,
}
"""The statuses that the protocol gives to its codes."""
CONNECT_NAMES: Final = {"CANCELLED": "canceled"}
"""Codes that gRPC spells in another way."""


class ConnectError(Exception):
    """An RPC that ended otherwise than with its result.

    Args:
        code: A canonical code, by its name in gRPC.
        message: What was wrong, with which value, and what to do about it.
        details: Messages that say the same to programs.
        status: The HTTP status, where it is not the one of the code.
        headers: What goes with it.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        details: Iterable[any_pb2.Any] = (),
        status: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self._details = tuple(details)
        self._status = status
        self._headers = headers

    @classmethod
    def of(cls, failure: Failure) -> "ConnectError":
        """Renders a failure with the details that gRPC clients get too."""
        status = status_of(failure)
        return cls(failure.reason.status.name, status.message, details=status.details)

    def document(self) -> dict[str, Any]:
        """Returns the JSON object that stands in the body or at the end of a stream."""
        document: dict[str, Any] = {"code": self._connect_code, "message": self.message}
        if self._details:
            document["details"] = [_detail(detail) for detail in self._details]
        return document

    def answer(self) -> Response:
        """Returns the answer to an RPC that is no stream."""
        return Response(
            json.dumps(self.document()),
            self._status or HTTP_STATUS[self._connect_code],
            self._headers,
            "application/json",
        )

    @property
    def _connect_code(self) -> str:
        return CONNECT_NAMES.get(self.code, self.code.lower())


def _detail(detail: any_pb2.Any) -> dict[str, Any]:
    shown = json_format.MessageToDict(detail)
    shown.pop("@type")
    return {
        "type": detail.type_url.rpartition("/")[2],
        "value": base64.b64encode(detail.value).decode().rstrip("="),
        "debug": shown,
    }
