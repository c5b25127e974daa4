"""Page tokens of lists whose order is that of a name."""

import base64
import binascii
import json
from hashlib import blake2b
from typing import Final

from google.protobuf.message import Message

from runstream_server.core.errors import Failure, Reason
from runstream_server.storage.name_rows import SeriesName

__all__ = ["SeriesPageToken"]

_DIGEST_BYTES: Final = 8


class SeriesPageToken:
    """Writes and reads the tokens of one query: a token of another query is refused."""

    def __init__(self, run_id: str, selector: Message) -> None:
        content = run_id.encode() + selector.SerializeToString(deterministic=True)
        self._query = blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()

    def write(self, last: SeriesName) -> str:
        """Returns the token of the page after `last`."""
        content = json.dumps([self._query, last.key, last.rank, last.attempt]).encode()
        seal = blake2b(content, digest_size=_DIGEST_BYTES).digest()
        return base64.urlsafe_b64encode(seal + content).decode()

    def read(self, token: str) -> SeriesName | None:
        """Returns the last series of the page before; None for the first page.

        Raises:
            Failure: INVALID_PAGE_TOKEN.
        """
        if not token:
            return None
        try:
            data = base64.b64decode(token, b"-_", validate=True)
            seal, content = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
            if blake2b(content, digest_size=_DIGEST_BYTES).digest() != seal:
                raise ValueError("altered")
            query, key, rank, attempt = json.loads(content)
        except (ValueError, binascii.Error) as error:
            raise _refused("is broken") from error
        if query != self._query:
            raise _refused("belongs to another query")
        return SeriesName(key, rank, attempt)


def _refused(problem: str) -> Failure:
    return Failure(
        Reason.INVALID_PAGE_TOKEN,
        f"page_token {problem}; repeat the call that returned it with nothing changed but the "
        "token, or start without one",
        field="page_token",
    )
