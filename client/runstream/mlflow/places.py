"""Where artifacts lie, as MLflow is told: URIs that lead back to this plugin.

`grpc://host:port/runs/<run id>/<path>` and `grpc://host:port/models/<model id>/<path>`.
"""

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

__all__ = ["Place", "shown_uri"]

RUNS: Final = "runs"
MODELS: Final = "models"
PROXIED: Final = "mlflow-artifacts:/"


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder of a run or of a logged model, and the server that has it.

    Attributes:
        server_uri: The server's tracking URI.
        run_id: The run, or empty.
        model_id: The logged model, or empty.
        path: Relative to the owner's artifacts; empty for all of them.
    """

    server_uri: str
    run_id: str
    model_id: str
    path: str

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Reads a URI.

        Raises:
            MlflowException: it does not name a run's or a model's artifacts.
        """
        parts = urlsplit(uri)
        kind, _, rest = parts.path.strip("/").partition("/")
        owner, _, path = rest.partition("/")
        if kind not in {RUNS, MODELS} or not owner:
            raise MlflowException(
                f"{uri!r} names no artifacts; write {parts.scheme}://host:port/runs/RUN_ID/PATH or"
                f" {parts.scheme}://host:port/models/MODEL_ID/PATH",
                error_code=INVALID_PARAMETER_VALUE,
            )
        return cls(
            server_uri=f"{parts.scheme}://{parts.netloc}",
            run_id=owner if kind == RUNS else "",
            model_id=owner if kind == MODELS else "",
            path=unquote(path),
        )


def shown_uri(
    server_uri: str, artifact_root: str, uri: str, *, run_id: str = "", model_id: str = ""
) -> str:
    """Returns where MLflow is to look for artifacts.

    Args:
        server_uri: The server's tracking URI.
        artifact_root: Where the server's own store is, as URI.
        uri: Where they lie, as the server says. What is in its own store comes through it; what is
            elsewhere, MLflow gets from there.
        run_id: The run that owns them.
        model_id: The logged model that does.
    """
    if not uri.startswith((f"{artifact_root}/", PROXIED)):
        return uri
    parts = urlsplit(server_uri)
    path = f"{RUNS}/{run_id}" if run_id else f"{MODELS}/{model_id}"
    return urlunsplit((parts.scheme, parts.netloc, quote(path), "", ""))
