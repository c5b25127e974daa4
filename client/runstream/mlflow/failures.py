"""Errors of the server in MLflow's words."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    INTERNAL_ERROR,
    INVALID_PARAMETER_VALUE,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
    TEMPORARILY_UNAVAILABLE,
)

from runstream.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidValue,
    NotFound,
    OutOfRange,
    ResourceExhausted,
    RunstreamError,
    ServerUnavailable,
)

__all__ = ["in_mlflows_words"]

_INVALID: Final = (InvalidValue, FailedPrecondition, OutOfRange, ResourceExhausted)
_BY_REASON: Final = {
    "PARAM_CONFLICT": "Changing param values is not allowed",
    "RUN_DELETED": "The run must be in the 'active' state",
    "EXPERIMENT_DELETED": "The experiment must be in the 'active' state",
}
"""What callers of MLflow look for in messages."""


@contextmanager
def in_mlflows_words() -> Generator[None]:
    """Turns errors of runstream into MLflow's.

    Raises:
        MlflowException: whatever went wrong, with MLflow's error code.
    """
    try:
        yield
    except RunstreamError as error:
        wanted = _BY_REASON.get(error.reason)
        message = f"{wanted}: {error}" if wanted else str(error)
        raise MlflowException(message, error_code=_code(error)) from error


def _code(error: RunstreamError) -> int:
    if isinstance(error, NotFound):
        return RESOURCE_DOES_NOT_EXIST
    if isinstance(error, AlreadyExists):
        return (
            INVALID_PARAMETER_VALUE if error.reason == "PARAM_CONFLICT" else RESOURCE_ALREADY_EXISTS
        )
    if isinstance(error, _INVALID):
        return INVALID_PARAMETER_VALUE
    if isinstance(error, ServerUnavailable):
        return TEMPORARILY_UNAVAILABLE
    return INTERNAL_ERROR
