"""The form of answers that say what went wrong: the one of MLflow's REST API."""

from starlette.responses import JSONResponse

__all__ = ["error_answer"]


def error_answer(status: int, error_code: str, message: str) -> JSONResponse:
    """Returns `{"error_code", "message"}`."""
    return JSONResponse({"error_code": error_code, "message": message}, status_code=status)
