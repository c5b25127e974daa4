"""Page tokens of listings: the last name seen, bound to the folder it was seen in."""

from __future__ import annotations

import base64
from typing import Final

from runstream_server.objects.checksums import crc32c
from runstream_server.objects.errors import InvalidPageToken
from runstream_server.objects.paths import Location

__all__ = ["decode_page_token", "encode_page_token"]

CHECK_BYTES: Final = 4


def encode_page_token(location: Location, last_name: str) -> str:
    """Returns the token of the page after the one that ends with a name."""
    name = last_name.encode()
    return base64.urlsafe_b64encode(_check(location, name) + name).decode().rstrip("=")


def decode_page_token(location: Location, page_token: str) -> str:
    """Returns the name after which a page begins; the empty token is before all names.

    Raises:
        InvalidPageToken: It is not one that `encode_page_token` returned for this folder.
    """
    if not page_token:
        return ""
    try:
        padded = page_token + "=" * (-len(page_token) % 4)
        decoded = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
        check, name = decoded[:CHECK_BYTES], decoded[CHECK_BYTES:]
        last_name = name.decode()
    except ValueError:
        raise InvalidPageToken(page_token) from None
    if check != _check(location, name):
        raise InvalidPageToken(page_token)
    return last_name


def _check(location: Location, name: bytes) -> bytes:
    return crc32c(location.key.encode() + b"\0" + name).to_bytes(CHECK_BYTES, "little")
