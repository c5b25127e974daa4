"""What S3 and the way to it can fail with, in words that say what to do."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import aiohttp
from botocore import exceptions as boto

from runstream_server.objects.errors import StorageError, StorageFull
from runstream_server.objects.s3.destination import S3Destination

__all__ = ["ConditionFailed", "NoSuchUpload", "RequestRefused", "code_of", "refusal", "s3_terms"]

ADVICE: Final = {
    "NoSuchBucket": "the bucket does not exist there: create it, or correct the destination",
    "AccessDenied": "it is denied: see which rights the server needs in docs/operating.md",
    "AllAccessDisabled": "the account may not use S3",
    "InvalidAccessKeyId": "the store does not know the access key: check the credentials",
    "SignatureDoesNotMatch": "the secret key is not the access key's: check the credentials",
    "ExpiredToken": "the credentials have expired: get new ones",
    "InvalidToken": "the session token is not valid: check the credentials",
    "RequestTimeTooSkewed": "this machine's clock differs too much from the store's: set it by NTP",
    "AuthorizationHeaderMalformed": "the bucket is in another region: set AWS_DEFAULT_REGION",
    "PermanentRedirect": "the bucket is in another region: set AWS_DEFAULT_REGION",
    "IllegalLocationConstraintException": "the bucket is in another region: set AWS_DEFAULT_REGION",
    "InvalidBucketName": "there cannot be a bucket of that name: correct the destination",
    "SlowDown": "the store asks to slow down: try again later",
    "ServiceUnavailable": "the store is not available now: try again later",
    "EntityTooLarge": "the store takes no objects of this size",
    "BadDigest": "the bytes changed on their way: try again",
    "InvalidPart": "another server goes on with the upload: open it again",
    "KeyTooLongError": "the store takes no keys of this length: choose a shorter path",
}
BY_STATUS: Final = {
    # A HEAD has no body, so its errors have no other code.
    "301": "PermanentRedirect",
    "403": "AccessDenied",
    "503": "ServiceUnavailable",
}
FULL_CODES: Final = frozenset(
    {"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage"}
)
FULL_STATUS: Final = 507
CREDENTIALS: Final = (
    "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile by"
    " AWS_PROFILE, or give the machine a role"
)


class RequestRefused(StorageError):
    """Says that S3 refused a request, with which code."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class ConditionFailed(RequestRefused):
    """Says that an object is not the one that a condition names."""


class NoSuchUpload(RequestRefused):
    """Says that a multipart upload is complete, aborted, or never was."""


def code_of(error: boto.ClientError) -> str:
    """Returns the code of an error in S3's words."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return BY_STATUS.get(code, code)


@contextmanager
def s3_terms(destination: S3Destination, endpoint: str, what: str) -> Generator[None]:
    """Turns what the client raises inside the block into `StorageError` and its kinds.

    Args:
        destination: The store.
        endpoint: Where it is.
        what: What is being done, to be read after "cannot".
    """
    failed = _failed(destination, endpoint, what)
    try:
        yield
    except boto.ClientError as error:
        raise _refusal(failed, error) from error
    except (boto.NoCredentialsError, boto.PartialCredentialsError) as error:
        raise StorageError(f"{failed}: {CREDENTIALS}") from error
    except boto.SSLError as error:
        raise StorageError(
            f"{failed}: its certificate is not trusted ({error}): name the file of your"
            " certificate authority by AWS_CA_BUNDLE"
        ) from error
    except (boto.EndpointConnectionError, boto.ConnectTimeoutError) as error:
        raise StorageError(
            f"{failed}: nothing answers there: check AWS_ENDPOINT_URL or MLFLOW_S3_ENDPOINT_URL,"
            " and the network"
        ) from error
    except TimeoutError as error:
        raise StorageError(f"{failed}: it took too long; try again") from error
    except (boto.BotoCoreError, aiohttp.ClientError, OSError) as error:
        raise StorageError(f"{failed}: {error}") from error


def refusal(destination: S3Destination, endpoint: str, what: str, code: str) -> RequestRefused:
    """Returns what `s3_terms` raises for a code that has an advice."""
    failed = _failed(destination, endpoint, what)
    return RequestRefused(code, f"{failed}: {ADVICE[code]} ({code})")


def _failed(destination: S3Destination, endpoint: str, what: str) -> str:
    return f"cannot {what} in {destination.uri} at {endpoint}"


def _refusal(failed: str, error: boto.ClientError) -> StorageError:
    code = code_of(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    said = error.response.get("Error", {}).get("Message", "")
    if code in FULL_CODES or status == FULL_STATUS:
        return StorageFull(f"{failed}: no room is left, or a quota is used up ({code})")
    message = f"{failed}: {ADVICE.get(code, said)} ({code})"
    if code in {"PreconditionFailed", "ConditionalRequestConflict", "412"}:
        return ConditionFailed(code, message)
    if code == "NoSuchUpload":
        return NoSuchUpload(code, message)
    return RequestRefused(code, message)
