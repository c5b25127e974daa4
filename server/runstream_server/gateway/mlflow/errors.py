"""What is refused over MLflow's API, in its form: `{"error_code", "message"}` and a status.

Clients look for error codes and for some phrases of messages (`Run with id=… not found`), and
repeat a request that was answered by 429 or 5xx up to seven times; so what a repetition cannot
mend is never answered so.
"""

import json
from collections.abc import Callable
from typing import Final

from starlette.responses import Response

from runstream_server.core.errors import Failure, Reason, Status
from runstream_server.gateway.answers import error_answer

__all__ = [
    "ErrorCode",
    "MlflowError",
    "bad_request",
    "error_of",
    "invalid_value",
    "missing_value",
    "not_active",
    "not_found",
    "shown_json",
]

MAX_SHOWN_CHARS: Final = 500
NOT_ACTIVE: Final = (
    "The {} {} must be in the 'active' state. Current state is deleted; restore it first."
)


class ErrorCode:
    """MLflow's names of what went wrong."""

    INVALID_PARAMETER_VALUE: Final = "INVALID_PARAMETER_VALUE"
    BAD_REQUEST: Final = "BAD_REQUEST"
    RESOURCE_ALREADY_EXISTS: Final = "RESOURCE_ALREADY_EXISTS"
    RESOURCE_DOES_NOT_EXIST: Final = "RESOURCE_DOES_NOT_EXIST"
    ENDPOINT_NOT_FOUND: Final = "ENDPOINT_NOT_FOUND"
    PERMISSION_DENIED: Final = "PERMISSION_DENIED"
    NOT_IMPLEMENTED: Final = "NOT_IMPLEMENTED"
    TEMPORARILY_UNAVAILABLE: Final = "TEMPORARILY_UNAVAILABLE"
    INVALID_STATE: Final = "INVALID_STATE"
    INTERNAL_ERROR: Final = "INTERNAL_ERROR"


HTTP_STATUS: Final = {
    ErrorCode.INVALID_PARAMETER_VALUE: 400,
    ErrorCode.BAD_REQUEST: 400,
    ErrorCode.RESOURCE_ALREADY_EXISTS: 400,
    ErrorCode.RESOURCE_DOES_NOT_EXIST: 404,
    ErrorCode.ENDPOINT_NOT_FOUND: 404,
    ErrorCode.PERMISSION_DENIED: 403,
    ErrorCode.NOT_IMPLEMENTED: 501,
    ErrorCode.TEMPORARILY_UNAVAILABLE: 503,
    ErrorCode.INVALID_STATE: 400,  # MLflow says 500, which its clients repeat in vain
    ErrorCode.INTERNAL_ERROR: 500,
}


class MlflowError(Exception):
    """A request that cannot be carried out, as MLflow says it.

    Args:
        message: What was wrong, with which value, and what to do about it.
        code: One of ErrorCode.
        status: The HTTP status, where it is not the usual one of the code.
        retry_after_s: After how many seconds to try again, if that makes sense.
    """

    def __init__(
        self,
        message: str,
        code: str = ErrorCode.INVALID_PARAMETER_VALUE,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = HTTP_STATUS[code] if status is None else status
        self.retry_after_s = retry_after_s

    def answer(self) -> Response:
        """Returns the response that says so."""
        response = error_answer(self.status, self.code, self.message)
        if self.retry_after_s is not None:
            response.headers["Retry-After"] = str(max(1, round(self.retry_after_s)))
        return response


def invalid_value(path: str, value: object, remedy: str = "") -> MlflowError:
    """Returns the refusal of a parameter's value; `path` is like `metrics[0].timestamp`."""
    text = f"Invalid value {shown_json(value)} for parameter '{path}' supplied"
    return MlflowError(f"{text}: {remedy}." if remedy else f"{text}.")


def missing_value(path: str) -> MlflowError:
    """Returns the refusal of a request without a required parameter."""
    return MlflowError(
        f"Missing value for required parameter '{path}'. Set it to a value that is not empty."
    )


def not_found(message: str) -> MlflowError:
    """Returns the refusal of a request that names what does not exist."""
    return MlflowError(message, ErrorCode.RESOURCE_DOES_NOT_EXIST)


def bad_request(message: str) -> MlflowError:
    """Returns the refusal of a request that cannot be understood, or contradicts what is stored."""
    return MlflowError(message, ErrorCode.BAD_REQUEST)


def not_active(kind: str, id_: object) -> MlflowError:
    """Returns the refusal of a change of what is deleted; `kind` is `run` or `experiment`."""
    return MlflowError(NOT_ACTIVE.format(kind, id_))


def shown_json(value: object) -> str:
    """Returns a value as messages show it: as JSON, cut when it is long."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[: MAX_SHOWN_CHARS - 1]}…"


_CODES: Final = {
    Status.INVALID_ARGUMENT: ErrorCode.INVALID_PARAMETER_VALUE,
    Status.NOT_FOUND: ErrorCode.RESOURCE_DOES_NOT_EXIST,
    Status.ALREADY_EXISTS: ErrorCode.RESOURCE_ALREADY_EXISTS,
    Status.FAILED_PRECONDITION: ErrorCode.INVALID_PARAMETER_VALUE,
    Status.OUT_OF_RANGE: ErrorCode.INVALID_PARAMETER_VALUE,
    Status.RESOURCE_EXHAUSTED: ErrorCode.INVALID_PARAMETER_VALUE,
    Status.ABORTED: ErrorCode.TEMPORARILY_UNAVAILABLE,
    Status.UNAVAILABLE: ErrorCode.TEMPORARILY_UNAVAILABLE,
    Status.DATA_LOSS: ErrorCode.INTERNAL_ERROR,
    Status.INTERNAL: ErrorCode.INTERNAL_ERROR,
}


def error_of(failure: Failure) -> MlflowError:
    """Returns what a failure of the core is over this API."""
    code = _CODES_OF_REASONS.get(failure.reason) or _CODES[failure.reason.status]
    phrase = _PHRASES.get(failure.reason)
    message = phrase(failure) if phrase else failure.message
    return MlflowError(message, code, retry_after_s=failure.retry_delay_s)


def _no_experiment(failure: Failure) -> str:
    said = failure.metadata
    if "experiment_id" in said:
        return f"No Experiment with id={said['experiment_id']} exists"
    return f"Could not find experiment with name '{said.get('name', '')}'"


def _named(phrase: str, *names: str) -> Callable[[Failure], str]:
    return lambda failure: phrase.format(
        *(failure.metadata.get(name, "") for name in names), failure.message
    )


_CODES_OF_REASONS: Final = {
    Reason.PARAM_CONFLICT: ErrorCode.INVALID_PARAMETER_VALUE,
    Reason.STORAGE_FULL: ErrorCode.TEMPORARILY_UNAVAILABLE,
}

_PHRASES: Final[dict[Reason, Callable[[Failure], str]]] = {
    Reason.RUN_NOT_FOUND: _named("Run with id={} not found", "run_id"),
    Reason.EXPERIMENT_NOT_FOUND: _no_experiment,
    Reason.MODEL_NOT_FOUND: _named("Logged model with ID '{}' not found.", "model_id"),
    Reason.RUN_DELETED: _named(NOT_ACTIVE.format("run", "{}"), "run_id"),
    Reason.EXPERIMENT_DELETED: _named(NOT_ACTIVE.format("experiment", "{}"), "experiment_id"),
    Reason.EXPERIMENT_EXISTS: _named("Experiment(name={}) already exists: {}", "name"),
    Reason.INVALID_PAGE_TOKEN: _named("Invalid page token: {}"),
    Reason.PARAM_CONFLICT: _named("Changing param values is not allowed: {}"),
}
"""What clients look for in messages; the last of a phrase's gaps takes the core's own words."""
