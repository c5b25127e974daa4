"""The client of S3, set up from the environment as MLflow's and AWS's own programs are."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

__all__ = ["open_client", "resets_passed_over"]

CONNECT_TIMEOUT_S: Final = 10
READ_TIMEOUT_S: Final = 60
ATTEMPTS: Final = 5
# Each download that a slow client reads holds one; uploads must not wait for those.
CONNECTIONS: Final = 1024
DEFAULT_REGION: Final = "us-east-1"
ENDPOINT: Final = "MLFLOW_S3_ENDPOINT_URL"
IGNORE_TLS: Final = "MLFLOW_S3_IGNORE_TLS"
ADDRESSING: Final = "MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE"
REGION: Final = "AWS_REGION"

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_client(environment: Mapping[str, str] = os.environ) -> AsyncGenerator[S3Client]:
    """Opens a client.

    Credentials, region, endpoint and certificate authority come the ways that AWS documents:
    variables, the profile's files, the machine's or the pod's role. MLflow's variables for the
    endpoint, the addressing style and unchecked certificates go before.
    """
    with resets_passed_over():
        async with _client(environment) as client:
            yield client


def _client(environment: Mapping[str, str]) -> AbstractAsyncContextManager[S3Client]:
    session = get_session()
    region = session.get_config_variable("region") or environment.get(REGION) or DEFAULT_REGION
    created: AbstractAsyncContextManager[S3Client] = cast("Any", session).create_client(
        "s3",
        region_name=region,
        endpoint_url=environment.get(ENDPOINT) or None,
        verify=False if environment.get(IGNORE_TLS, "").lower() in {"1", "true"} else None,
        config=AioConfig(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            max_pool_connections=CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            # Checksums of our own choice travel in signed headers, so hashing every body once more
            # for the signature, which is done on the event loop, adds nothing.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3=_s3_config(environment),
            user_agent_extra="runstream",
        ),
    )
    return created


@contextmanager
def resets_passed_over() -> Generator[None]:
    """Lets the loop not report, inside the block, what aiohttp leaves of broken connections.

    Where a connection breaks before a request's headers have left, the request fails and is made
    again, but nobody looks at the task that was to write it: an error in the log of each outage.
    """
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if "future" in context and isinstance(
            context.get("exception"), aiohttp.ClientConnectionResetError
        ):
            _log.debug("s3_connection_reset")
        elif before is not None:
            before(loop, context)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)
    try:
        yield
    finally:
        loop.set_exception_handler(before)


def _s3_config(environment: Mapping[str, str]) -> dict[str, object]:
    config: dict[str, object] = {"payload_signing_enabled": False}
    style = environment.get(ADDRESSING)
    if style:
        config["addressing_style"] = style
    return config
