"""What a client is told when it is made."""

from dataclasses import dataclass
from typing import Self

from runstream._client.channels import server_uri
from runstream._client.retries import Retries
from runstream._fluent.session import session
from runstream._tracking_uri import TrackingUri

__all__ = ["RETRY_FOR_S", "STREAM_TIMEOUT_S", "TIMEOUT_S", "ClientSettings"]

TIMEOUT_S = 30.0
STREAM_TIMEOUT_S = 600.0
RETRY_FOR_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """The server, and how long to wait for it.

    Attributes:
        uri: The server.
        timeout_s: The deadline of a call, its repetitions included.
        stream_timeout_s: The deadline of an attempt to read a stream.
        retry_for_s: For how long a call is repeated while the server is unavailable.
    """

    uri: TrackingUri
    timeout_s: float
    stream_timeout_s: float
    retry_for_s: float

    @classmethod
    def make(
        cls, uri: str | None, timeout_s: float, stream_timeout_s: float, retry_for_s: float
    ) -> Self:
        """Checks the arguments of a client.

        Raises:
            InvalidValue: if the URI is not a server's.
        """
        return cls(
            uri=server_uri(uri or session.tracking_uri.text),
            timeout_s=timeout_s,
            stream_timeout_s=stream_timeout_s,
            retry_for_s=retry_for_s,
        )

    def retries(self) -> Retries:
        """Begins the attempts of a call."""
        return Retries(for_s=self.retry_for_s)
