"""Where artifacts lie: as URIs that are stored and shown, and as folders of this server's store.

An experiment that was made without a place of its own, while the server had no other default, is
stored without one: it is the store's folder `<experiment id>`, whatever the store's address is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from runstream_server.objects.errors import InvalidPath
from runstream_server.objects.paths import Location

__all__ = [
    "ARTIFACTS_FOLDER",
    "PROXY_ROOT",
    "ArtifactRoots",
    "absolute_root",
    "decoded",
    "local_folder",
    "model_folder",
    "normal",
    "run_folder",
]

PROXY_ROOT: Final = "mlflow-artifacts:"
"""Begins the URIs whose bytes go through a server's HTTP port."""
PROXY_PATH: Final = "/api/2.0/mlflow-artifacts/artifacts"
"""Where the HTTP port serves the store."""
ARTIFACTS_FOLDER: Final = "artifacts"
FILE_SCHEME: Final = "file:"
MAX_DECODINGS: Final = 10


def _never(_host: str, _port: int | None) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRoots:
    """Knows this server's store and the default place of new experiments.

    Attributes:
        store_uri: The store, a file or s3 URI without a trailing slash.
        default_root: Where new experiments keep their artifacts, without a trailing slash; empty
            for the store.
        proxied: Whether the HTTP port serves the store, and REST clients are sent there.
        is_own_address: Tells whether a host and a port, if one is named, are this server's HTTP
            port.
    """

    store_uri: str
    default_root: str = ""
    proxied: bool = True
    is_own_address: Callable[[str, int | None], bool] = _never

    @property
    def rest_root(self) -> str:
        """The default place of artifacts as REST clients are told."""
        return PROXY_ROOT if self.proxied else self.store_uri

    def shown_over_rest(self, uri: str) -> str:
        """Returns what REST clients are told of a place that gRPC clients know as `uri`.

        What lies in the store becomes `mlflow-artifacts:/…`, so that they reach it through this
        server; what an experiment was given as its own place is shown as it was given.
        """
        if not self.proxied or not uri.startswith(f"{self.store_uri}/"):
            return uri
        return PROXY_ROOT + uri.removeprefix(self.store_uri)

    def folder_of(self, uri: str) -> str | None:
        """Returns the folder of the store that a URI means; None when it is elsewhere."""
        folder = self._below_store(uri)
        if folder is None:
            return None
        try:
            return Location(base=normal(folder)).base
        except InvalidPath:
            return None

    def _below_store(self, uri: str) -> str | None:
        parts = urlsplit(uri)
        if parts.scheme in {"mlflow-artifacts", "http", "https"}:
            return self._behind_port(parts)
        is_below = uri.startswith(f"{self.store_uri}/")
        if not self.store_uri.startswith(FILE_SCHEME):
            # Nobody decodes the keys of a bucket.
            return uri.removeprefix(self.store_uri) if is_below else None
        if is_below:
            return decoded(uri.removeprefix(self.store_uri))
        root = unquote(urlsplit(self.store_uri).path)
        return uri.removeprefix(root) if uri.startswith(f"{root}/") else None

    def _behind_port(self, parts: SplitResult) -> str | None:
        """Returns what this server's HTTP port serves at a URI; None if that is another's."""
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            return None
        if parts.netloc and not self.is_own_address(host or "", port):
            return None
        if parts.scheme == "mlflow-artifacts":
            return decoded(parts.path)
        _, found, path = parts.path.partition(PROXY_PATH)
        return decoded(path) if found else None


def run_folder(location: str, run_id: str) -> str:
    """Returns where a run keeps its artifacts, from its experiment's place; URI or folder."""
    return f"{location.rstrip('/')}/{run_id}/{ARTIFACTS_FOLDER}"


def model_folder(location: str, model_id: str) -> str:
    """Returns where a logged model keeps its artifacts, from its experiment's place."""
    return f"{location.rstrip('/')}/models/{model_id}/{ARTIFACTS_FOLDER}"


def normal(path: str) -> str:
    """Returns a path without its empty segments and those that are `.`."""
    return "/".join(name for name in path.split("/") if name not in {"", "."})


def decoded(path: str) -> str | None:
    """Undoes percent-encoding, however often it was applied; None when there is no end to it.

    Whoever checks a path must look at what the last reader of it would see.
    """
    for _ in range(MAX_DECODINGS):
        once = unquote(path)
        if once == path:
            return path
        path = once
    return None


def local_folder(uri: str) -> Path | None:
    """Returns the folder that a path or a file URI means; None for any other URI, and for none."""
    parts = urlsplit(uri)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"}:
        return Path(unquote(parts.path))
    return Path(uri) if uri and not parts.scheme else None


def absolute_root(given: str) -> str:
    """Returns a place for artifacts as it is stored: a path without scheme becomes absolute."""
    return given.rstrip("/") if urlsplit(given).scheme else str(Path(given).absolute())
