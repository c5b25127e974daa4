"""Answers with files as MLflow's server does, in a form that browsers cannot misuse.

What users store may be a page or a script; shown by a browser as coming from this server, it could
do here whatever its reader may do. So it is always a download, of exactly the type that its name
says, and would have no rights even if it were shown.
"""

import mimetypes
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from runstream_server.core.artifacts.files import Files
from runstream_server.core.errors import Failure, Reason
from runstream_server.gateway import file_answers
from runstream_server.gateway.mlflow.errors import MlflowError, not_found
from runstream_server.objects.paths import Location

__all__ = ["file_answer", "media_type"]

TEXT_ENDINGS: Final = frozenset(
    {"txt", "log", "err", "cfg", "conf", "cnf", "cf", "ini", "properties", "prop", "hocon", "toml"}
    | {"yaml", "yml", "xml", "json", "js", "py", "py3", "csv", "tsv", "md", "rst", "ipynb"}
    | {"MLmodel", "MLproject", "mlproject"}
)
"""What MLflow says is text/plain, by the ending of a name or, without one, by the name."""
BINARY: Final = "application/octet-stream"


async def file_answer(request: Request, files: Files, location: Location, path: str) -> Response:
    """Answers a GET or HEAD of a file; honours ranges and conditions.

    Args:
        request: The request.
        files: Where the file is.
        location: Which one.
        path: How messages call it.

    Raises:
        MlflowError: There is none, or a folder.
        Failure: As `Files.open`.
    """
    try:
        answer = await file_answers.file_answer(request, files, location, _headers)
    except Failure as failure:
        raise _in_mlflow_terms(failure, path) from failure
    if answer is None:
        raise MlflowError(f"'{path}' changes all the time; try again.", "TEMPORARILY_UNAVAILABLE")
    return answer


def _headers(name: str) -> dict[str, str]:
    return {
        "Content-Type": media_type(name),
        "Content-Disposition": file_answers.attachment(name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }


def _in_mlflow_terms(failure: Failure, path: str) -> Exception:
    match failure.reason:
        case Reason.ARTIFACT_NOT_FOUND:
            return not_found(f"No such artifact: '{path}'")
        case Reason.IS_A_DIRECTORY:
            return MlflowError(f"Artifact path refers to a directory, not a file: '{path}'")
        case _:
            return failure


def media_type(name: str) -> str:
    """Returns the type of a file by its name, as MLflow's server does."""
    stem, dot, ending = name.rpartition(".")
    # A name that only begins with a dot has no ending.
    if (ending if dot and stem.strip(".") else name.lstrip(".")) in TEXT_ENDINGS:
        return "text/plain"
    return mimetypes.guess_type(name)[0] or BINARY
