"""Joins the pages and the artifacts into routes."""

from pathlib import Path
from typing import Final

from starlette.routing import BaseRoute

from runstream_server.core.artifacts.artifacts import Artifacts
from runstream_server.gateway.web.artifacts import ArtifactPages
from runstream_server.gateway.web.pages import PageRoute

__all__ = ["BUILD_FOLDER", "is_built", "routes"]

BUILD_FOLDER: Final = Path(__file__).parents[2] / "web"
"""Where `make web` puts the pages, and where they are in the wheel."""


def is_built(folder: Path = BUILD_FOLDER) -> bool:
    """Returns whether there are pages to serve."""
    return (folder / "index.html").is_file()


def routes(artifacts: Artifacts, folder: Path = BUILD_FOLDER) -> list[BaseRoute]:
    """Returns the routes of the web UI.

    Args:
        artifacts: What its pages show.
        folder: What `make web` built.
    """
    return [*ArtifactPages(artifacts).routes(), PageRoute(folder)]
