"""Connections to a server."""

from typing import Final

import grpc
import grpc.aio

from runstream._tracking_uri import TrackingUri
from runstream.errors import InvalidValue

__all__ = ["Options", "channel_options", "open_aio_channel", "open_channel", "server_uri"]

Options = tuple[tuple[str, int], ...]

_OPTIONS: Final[Options] = (
    # What the server sends is what was asked for, however much it is.
    ("grpc.max_receive_message_length", -1),
    # A server that is gone without a word is noticed, also in a stream that is idle.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # Pauses between attempts are this package's; the channel must not add seconds of its own.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.enable_retries", 0),
)
_NO_PROXY: Final[Options] = (("grpc.enable_http_proxy", 0),)


def server_uri(uri: str) -> TrackingUri:
    """Reads the tracking URI of a server.

    Raises:
        InvalidValue: if it is none, or names a folder.
    """
    parsed = TrackingUri.parse(uri)
    if parsed.folder is not None:
        raise InvalidValue(
            f"{parsed.text} is a spool without a server: use the server's grpc://host:port"
        )
    return parsed


def channel_options(uri: TrackingUri) -> Options:
    """Returns the options of a channel: a proxy that the environment names is not for this host."""
    return _OPTIONS + _NO_PROXY if uri.is_local else _OPTIONS


def open_channel(uri: TrackingUri) -> grpc.Channel:
    """Opens a channel for blocking calls."""
    options = channel_options(uri)
    if uri.tls:
        return grpc.secure_channel(uri.target, grpc.ssl_channel_credentials(), options=options)
    return grpc.insecure_channel(uri.target, options=options)


def open_aio_channel(uri: TrackingUri) -> grpc.aio.Channel:
    """Opens a channel for calls to be awaited."""
    options = channel_options(uri)
    if uri.tls:
        credentials = grpc.ssl_channel_credentials()
        return grpc.aio.secure_channel(uri.target, credentials, options=options)
    return grpc.aio.insecure_channel(uri.target, options=options)
