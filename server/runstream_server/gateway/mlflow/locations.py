"""Checks the places that clients give new experiments for their artifacts."""

from pathlib import Path
from urllib.parse import urlparse

from runstream_server.gateway.mlflow.errors import MlflowError

__all__ = ["checked_location"]


def checked_location(location: str) -> str:
    """Returns a location as it is stored: a relative path becomes absolute, as on MLflow's server.

    Raises:
        MlflowError: Runs cannot keep their artifacts there.
    """
    parts = urlparse(location)
    if parts.fragment or parts.params:
        raise MlflowError(
            "'artifact_location' URL can't include fragments or params; remove them from"
            f" {location[:200]!r}."
        )
    if ".." in parts.query:
        raise MlflowError("Invalid query string: it holds '..'; remove that.")
    if parts.scheme == "runs":
        raise MlflowError(f"Artifact location cannot be a runs:/ URI. Given: '{location[:200]}'")
    if location and not parts.scheme and not location.startswith("/"):
        return (Path.cwd() / location).as_posix()
    return location
