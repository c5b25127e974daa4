"""The client of S3, set up from the environment as MLflow's and AWS's own programs are."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

__all__ = ["open_client"]

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


@asynccontextmanager
async def open_client(environment: Mapping[str, str] = os.environ) -> AsyncGenerator[S3Client]:
    """Opens a client.

    Credentials, region, endpoint and certificate authority come the ways that AWS documents:
    variables, the profile's files, the machine's or the pod's role. MLflow's variables for the
    endpoint, the addressing style and unchecked certificates go before.
    """
    session = get_session()
    region = session.get_config_variable("region") or environment.get(REGION) or DEFAULT_REGION
    create = cast("Any", session).create_client
    async with create(
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
    ) as client:
        yield client


def _s3_config(environment: Mapping[str, str]) -> dict[str, object]:
    config: dict[str, object] = {"payload_signing_enabled": False}
    style = environment.get(ADDRESSING)
    if style:
        config["addressing_style"] = style
    return config
