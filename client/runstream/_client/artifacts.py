"""The calls of ArtifactService, but for the bytes of files: see `uploads` and `downloads`."""

from typing import Final

from runstream._client.calls import Pages, Unary
from runstream._client.convert import artifact_of, upload_of
from runstream.entities import Artifact, Upload
from runstream.v1 import artifact_service_pb2 as pb

__all__ = ["DOWNLOAD", "UPLOAD", "delete_artifact", "get_upload", "list_artifacts"]

_SERVICE: Final = "/runstream.v1.ArtifactService/"
UPLOAD: Final = f"{_SERVICE}UploadArtifact"
DOWNLOAD: Final = f"{_SERVICE}DownloadArtifact"


def list_artifacts(
    run_id: str = "", path: str = "", *, page_size: int = 0, model_id: str = ""
) -> Pages[Artifact]:
    """Lists the files and folders directly below a folder, ordered by name.

    A folder that does not exist is empty; a path that is a file yields that file.

    Args:
        run_id: The run.
        path: The folder; empty means the top.
        page_size: The most to fetch at once; 0 means 1 000.
        model_id: The logged model, instead of a run.

    Raises:
        NotFound: if there is no such run or logged model.
    """
    return Pages(
        method=f"{_SERVICE}ListArtifacts",
        request=pb.ListArtifactsRequest(
            run_id=run_id, model_id=model_id, path=path, page_size=page_size
        ),
        answer=pb.ListArtifactsResponse,
        convert=_artifacts,
    )


def delete_artifact(run_id: str = "", path: str = "", *, model_id: str = "") -> Unary[bool]:
    """Deletes a file, or a folder with all it holds; returns whether there was one.

    Args:
        run_id: The run.
        path: The artifact's path.
        model_id: The logged model, instead of a run.

    Raises:
        NotFound: if there is no such run or logged model.
    """
    return Unary(
        method=f"{_SERVICE}DeleteArtifact",
        request=pb.DeleteArtifactRequest(run_id=run_id, model_id=model_id, path=path),
        answer=pb.DeleteArtifactResponse,
        convert=_deleted,
    )


def get_upload(upload_id: str) -> Unary[Upload]:
    """Returns how far an upload has come.

    Raises:
        NotFound: if there is no such upload.
    """
    return Unary(
        method=f"{_SERVICE}GetUpload",
        request=pb.GetUploadRequest(upload_id=upload_id),
        answer=pb.GetUploadResponse,
        convert=_upload,
    )


def _artifacts(answer: pb.ListArtifactsResponse) -> list[Artifact]:
    return [artifact_of(artifact) for artifact in answer.artifacts]


def _deleted(answer: pb.DeleteArtifactResponse) -> bool:
    return answer.deleted


def _upload(answer: pb.GetUploadResponse) -> Upload:
    return upload_of(answer.upload)
