"""Checks the paths of artifacts that come in over MLflow's API."""

from pathlib import PureWindowsPath
from typing import Final
from unicodedata import category

from runstream_server.core.artifact_roots import decoded, normal
from runstream_server.gateway.mlflow.errors import MlflowError

__all__ = ["safe_path"]

FILE_SCHEME: Final = "file:"
CONTROL: Final = "Cc"


def safe_path(given: str) -> str:
    """Returns a path as it is stored: decoded, without empty and `.` segments; empty for the top.

    Raises:
        MlflowError: It could lead out of its folder, for any reader, on any system, however often
            that decodes it.
    """
    path = decoded(given)
    if (
        path is None
        or path.startswith("/")
        or path.lower().startswith(FILE_SCHEME)
        or "#" in path
        or "\\" in path
        or ".." in path.split("/")
        or PureWindowsPath(path).is_absolute()
        or any(category(character) == CONTROL for character in path)
    ):
        raise MlflowError("Invalid path")
    return normal(path)
