"""MLflow's artifact repository over gRPC: bytes go straight to the server, checked on the way."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlflow.entities import FileInfo
from mlflow.store.artifact.artifact_repo import (
    ArtifactRepository,
    verify_artifact_path,  # pyright: ignore[reportUnknownVariableType]
)

from runstream.client import Client
from runstream.entities import Artifact
from runstream.errors import NotFound
from runstream.mlflow.failures import in_mlflows_words
from runstream.mlflow.places import Place

__all__ = ["RunstreamArtifactRepository"]


class RunstreamArtifactRepository(ArtifactRepository):
    """Files of a run or of a logged model, on a runstream server.

    Args:
        artifact_uri: See `places`.
        *arguments: What else MLflow says, which is none of this repository's business.
        **options: The same.
    """

    def __init__(self, artifact_uri: str, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - MLflow's
        super().__init__(artifact_uri, *arguments, **options)
        self._place = Place.parse(artifact_uri)
        with in_mlflows_words():
            self._client = Client(self._place.server_uri)

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        verify_artifact_path(artifact_path)  # type: ignore[no-untyped-call]
        path = self._path(artifact_path, Path(local_file).name)
        with in_mlflows_words():
            self._upload(local_file, path)

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        verify_artifact_path(artifact_path)  # type: ignore[no-untyped-call]
        root = Path(local_dir)
        for folder, _, names in os.walk(root):
            below = Path(folder).relative_to(root).as_posix()
            for name in sorted(names):
                path = self._path(artifact_path, "" if below == "." else below, name)
                with in_mlflows_words():
                    self._upload(Path(folder) / name, path)

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        wanted = self._path(path)
        prefix = f"{self._place.path}/" if self._place.path else ""
        with in_mlflows_words():
            try:
                found = list(self._listed(wanted))
            except NotFound as error:
                if error.reason != "ARTIFACT_NOT_FOUND":
                    raise
                return []
        if [each.path for each in found] == [wanted]:
            return []  # it is a file
        return [
            FileInfo(
                each.path.removeprefix(prefix),
                each.directory,
                None if each.directory else each.size_bytes,
            )
            for each in found
        ]

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        with in_mlflows_words():
            for path in self._targets(artifact_path):
                self._client.delete_artifact(
                    self._place.run_id, path, model_id=self._place.model_id
                )

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        with in_mlflows_words():
            self._client.download_artifact(
                self._place.run_id,
                self._path(remote_file_path),
                local_path,
                model_id=self._place.model_id,
            )

    def _targets(self, artifact_path: str | None) -> list[str]:
        whole = self._path(artifact_path)
        return [whole] if whole else [each.path for each in self._listed("")]

    def _upload(self, file: str | Path, path: str) -> None:
        place = self._place
        self._client.upload_artifact(place.run_id, path, file, model_id=place.model_id)

    def _listed(self, path: str) -> Iterator[Artifact]:
        place = self._place
        return self._client.list_artifacts(place.run_id, path, model_id=place.model_id)

    def _path(self, *parts: str | None) -> str:
        return "/".join(part.strip("/") for part in (self._place.path, *parts) if part)
