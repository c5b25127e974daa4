"""What the server is told: flags before environment variables before defaults."""

import re
import socket
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from runstream_server.core.artifact_roots import (
    ArtifactRoots,
    absolute_root,
    local_folder,
)
from runstream_server.exits import ExitCode, StartRefused
from runstream_server.loopback import is_loopback
from runstream_server.objects.s3.destination import SCHEME, S3Destination

__all__ = ["ServerSettings", "load_settings"]

UNIT_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
UNIT_BYTES: Final = {
    "": 1,
    "b": 1,
    **{f"{prefix}b": 1000 ** (power + 1) for power, prefix in enumerate("kmgt")},
    **{f"{prefix}ib": 1024 ** (power + 1) for power, prefix in enumerate("kmgt")},
}
SQLITE_PREFIX: Final = "sqlite:///"
POSTGRES_URI: Final = re.compile(r"postgres(ql)?(\+\w+)?://")
"""As libpq writes it, and as SQLAlchemy does, with the driver."""
FILE_PREFIX: Final = "file://"
QUANTITY: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)


def _seconds(value: object) -> object:
    return _quantity(value, UNIT_SECONDS, "90s, 10m, 2h or 1d")


def _bytes(value: object) -> object:
    return int(_quantity(value, UNIT_BYTES, "a number of bytes, 500MB or 1GiB"))


def _quantity(value: object, units: Mapping[str, int], examples: str) -> float:
    match = QUANTITY.fullmatch(str(value))
    if match is None or match[2].lower() not in units:
        raise ValueError(f"must be like {examples}")
    return float(match[1]) * units[match[2].lower()]


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Port = Annotated[int, Field(ge=0, le=65_535)]
Seconds = Annotated[float, BeforeValidator(_seconds)]
Bytes = Annotated[int, BeforeValidator(_bytes)]
Level = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]
Format = Annotated[Literal["text", "json"], BeforeValidator(_lower)]


class ServerSettings(BaseSettings):
    """The settings of one server. Each field is a flag, and is described there."""

    model_config = SettingsConfigDict(
        env_prefix="RUNSTREAM_", env_ignore_empty=True, frozen=True, extra="forbid"
    )

    data_dir: Path = Path("runstream-data")
    backend_store_uri: str = ""
    artifacts_destination: str = ""
    default_artifact_root: str = ""
    serve_artifacts: bool = True
    artifacts_only: bool = False
    host: str = Field(default="127.0.0.1", min_length=1)
    grpc_port: Port = 50051
    port: Port = 5000
    unix_socket: Path | None = None
    allowed_hosts: str = ""
    log_level: Level = "info"
    log_format: Format = "text"
    log_retention: Seconds = 600.0
    log_retention_bytes: Bytes = 1024**3
    seal_size: Bytes = 8 * 1024**2
    seal_age: Seconds = 30.0
    shutdown_grace: Seconds = 10.0

    @property
    def database_path(self) -> Path | None:
        """The SQLite file; None when the database is PostgreSQL's."""
        if not self.backend_store_uri:
            return self.data_dir / "runstream.db"
        if not self.backend_store_uri.startswith(SQLITE_PREFIX):
            return None
        return Path(self.backend_store_uri.removeprefix(SQLITE_PREFIX))

    @property
    def database_name(self) -> str:
        """What the database is called in messages: without passwords."""
        if self.database_path is not None:
            return str(self.database_path)
        parts = urlsplit(self.backend_store_uri)
        return urlunsplit(("postgresql", parts.netloc.rpartition("@")[2], parts.path, "", ""))

    @property
    def used_data_dir(self) -> Path | None:
        """The data folder; None when both the database and the artifacts lie elsewhere."""
        folder = self.data_dir.resolve()
        stores = (self.database_path, self.artifacts_dir)
        elsewhere = not any(store and store.resolve().is_relative_to(folder) for store in stores)
        return None if elsewhere else self.data_dir

    @property
    def s3_destination(self) -> S3Destination | None:
        """The bucket of the artifacts; None when they lie in a folder."""
        if not self.artifacts_destination.startswith(SCHEME):
            return None
        return S3Destination.parse(self.artifacts_destination)

    @property
    def artifacts_uri(self) -> str:
        """The folder or the bucket of the artifacts as a URI without a slash at its end."""
        bucket = self.s3_destination
        if bucket is not None:
            return bucket.uri
        return self.artifacts_folder.absolute().as_uri()

    @property
    def artifacts_dir(self) -> Path | None:
        """The folder of the artifacts; None when they lie in a bucket."""
        return None if self.s3_destination else self.artifacts_folder

    @property
    def artifacts_folder(self) -> Path:
        """The folder of the artifacts unless they lie in a bucket."""
        if self.artifacts_destination:
            return Path(self.artifacts_destination.removeprefix(FILE_PREFIX))
        return local_folder(self.default_artifact_root) or self.data_dir / "artifacts"

    def artifact_roots(self, http_port: int) -> ArtifactRoots:
        """Returns where artifacts lie; `http_port` is the one that was bound."""
        given = self.default_artifact_root
        default_root = absolute_root(given) if given else ""
        roots = ArtifactRoots(
            store_uri=self.artifacts_uri,
            default_root=default_root,
            is_own_address=partial(self._is_own_address, http_port),
        )
        # Whoever names the store by its own place wants clients to go there themselves.
        is_place = local_folder(default_root) is not None or default_root.startswith(SCHEME)
        direct = is_place and roots.folder_of(f"{default_root}/0") is not None
        return replace(roots, proxied=self.serve_artifacts and not direct)

    def _is_own_address(self, http_port: int, host: str, port: int | None) -> bool:
        if not self.serve_artifacts:
            return False
        if any(fnmatchcase(host.lower(), name.lower()) for name in self.allowed_host_patterns):
            return True  # perhaps by way of a proxy with a port of its own
        own_names = {self.host, socket.gethostname()}
        return port == http_port and (is_loopback(host) or host in own_names)

    @property
    def allowed_host_patterns(self) -> tuple[str, ...]:
        """The names that HTTP requests may address beside the local ones."""
        return tuple(part.strip() for part in self.allowed_hosts.split(",") if part.strip())

    @field_validator("backend_store_uri")
    @classmethod
    def _check_database(cls, uri: str) -> str:
        postgres = POSTGRES_URI.match(uri)
        if postgres:
            return f"postgresql://{uri[postgres.end() :]}"
        if uri and (not uri.startswith(SQLITE_PREFIX) or len(uri) == len(SQLITE_PREFIX)):
            raise ValueError(
                "must be sqlite:///relative/path, sqlite:////absolute/path or "
                "postgresql://user:password@host:port/database"
            )
        return uri

    @field_validator("default_artifact_root")
    @classmethod
    def _check_default_root(cls, root: str) -> str:
        if "?" in root or "#" in root:
            raise ValueError("must be a URI or a folder, without query and fragment")
        return root

    @field_validator("artifacts_only")
    @classmethod
    def _check_modes(cls, artifacts_only: object, info: ValidationInfo) -> object:
        if artifacts_only and not info.data.get("serve_artifacts", True):
            raise ValueError("cannot be used together with --no-serve-artifacts")
        return artifacts_only

    @field_validator("artifacts_destination")
    @classmethod
    def _check_artifacts(cls, destination: str) -> str:
        if destination.startswith("s3:"):
            return S3Destination.parse(destination).uri
        if "://" in destination and not destination.startswith("file:///"):
            raise ValueError("must be a folder, or s3://bucket/prefix")
        return destination


def load_settings(overrides: Mapping[str, str]) -> ServerSettings:
    """Reads the environment, which `overrides` (flags, by field) go before.

    Raises:
        StartRefused: A value is none that its flag can have.
    """
    try:
        return ServerSettings(**dict[str, Any](overrides))
    except ValidationError as error:
        lines = [_describe(each["loc"], each["msg"], each["input"]) for each in error.errors()]
        raise StartRefused(ExitCode.USAGE, "; ".join(lines)) from None


def _describe(location: tuple[int | str, ...], message: str, value: object) -> str:
    name = str(location[0])
    option = "--" + name.replace("_", "-")
    reason = message.removeprefix("Value error, ")
    return f"{option} (RUNSTREAM_{name.upper()}) is {str(value)!r}: {reason}"
