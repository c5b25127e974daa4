"""Page tokens: where a page ended, sealed with what was asked for."""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final, cast

from runstream_server.core.errors import Failure, Reason

__all__ = ["invalid_page_token", "open_page_token", "seal_page_token"]

DIGEST_BYTES: Final = 12


def seal_page_token(question: object, values: Sequence[Any]) -> str:
    """Returns a token that can be used in URLs.

    Args:
        question: Everything that the next request has to repeat; its `repr` tells it apart.
        values: Where the page ended, as JSON can hold it.
    """
    body = json.dumps(values, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_digest(question, body) + body).decode().rstrip("=")


def open_page_token(question: object, token: str) -> list[Any]:
    """Returns where the page before ended.

    Raises:
        Failure: INVALID_PAGE_TOKEN when the token is broken or belongs to another question.
    """
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise invalid_page_token() from None
    digest, body = sealed[:DIGEST_BYTES], sealed[DIGEST_BYTES:]
    if digest != _digest(question, body):
        raise invalid_page_token()
    return cast("list[Any]", json.loads(body))


def invalid_page_token() -> Failure:
    """Returns the failure of a request whose token is broken or belongs to another question."""
    return Failure(
        Reason.INVALID_PAGE_TOKEN,
        "page_token is broken or belongs to a request with other fields; repeat the request that it"
        " came from, changing nothing but page_token and page_size, or leave it out to begin anew",
        field="page_token",
    )


def _digest(question: object, body: bytes) -> bytes:
    key = hashlib.blake2b(repr(question).encode("utf-8", "replace"), digest_size=32).digest()
    return hashlib.blake2b(body, key=key, digest_size=DIGEST_BYTES).digest()
