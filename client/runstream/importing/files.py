"""Moves the artifacts of a run or a logged model."""

import hashlib
from pathlib import Path

from runstream.client import Client
from runstream.errors import InvalidValue, NotFound, RunstreamError, ServerUnavailable
from runstream.importing.artifacts import Files, Places, files_below
from runstream.importing.report import Report

__all__ = ["FileMover"]


class FileMover:
    """Uploads files, each under an id that is derived from what it is and where it goes."""

    def __init__(self, client: Client, places: Places | None, report: Report) -> None:
        """Begins.

        Args:
            client: The server's.
            places: Knows where artifacts lie; None leaves all of them.
            report: Is told of what was moved.
        """
        self._client = client
        self._places = places
        self._report = report

    def can_move(self, uri: str, beside: Path | None) -> bool:
        """Tells whether there is anything to move from."""
        return self._find(uri, beside).folder is not None

    def move(
        self, uri: str, beside: Path | None, *, run_id: str = "", model_id: str = "", fresh: bool
    ) -> bool:
        """Moves the artifacts at a URI; returns whether all that there are were found.

        Args:
            uri: What the store says.
            beside: Where else to look.
            run_id: The run that gets them.
            model_id: The logged model that gets them, instead.
            fresh: Whether nothing can have been uploaded before.
        """
        if self._places is None:
            return False
        files = self._find(uri, beside)
        if files.elsewhere:
            self._report.left_elsewhere(files.elsewhere)
            return False
        if files.expected:
            self._report.note(
                f"there is no folder {files.expected} here: if runs have artifacts there, bring "
                "it and say --artifacts-root DIR"
            )
            return False
        if files.folder is None:
            return True
        failures = [
            self._upload(path, file, run_id, model_id, fresh=fresh)
            for path, file in files_below(files.folder)
        ]
        return all(failures)

    def _find(self, uri: str, beside: Path | None) -> Files:
        return Files() if self._places is None else self._places.files(uri, beside)

    def _upload(self, path: str, file: Path, run_id: str, model_id: str, *, fresh: bool) -> bool:
        who = f"model {model_id}" if model_id else f"run {run_id}"
        try:
            size = file.stat().st_size
            upload_id = _upload_id(f"{run_id}{model_id}", path, file)
            if fresh or not self._is_uploaded(upload_id):
                self._client.upload_artifact(
                    run_id, path, file, upload_id=upload_id, model_id=model_id
                )
                self._report.add(files=1, file_bytes=size)
        except ServerUnavailable:
            raise
        except (RunstreamError, OSError, ValueError) as error:
            self._report.problem(f"{who}: artifact {path!r}: {error}")
            return False
        return True

    def _is_uploaded(self, upload_id: str) -> bool:
        try:
            return self._client.get_upload(upload_id).complete
        except NotFound:
            return False


def _upload_id(owner_id: str, path: str, file: Path) -> str:
    status = file.stat()
    try:
        name = path.encode()
    except UnicodeEncodeError:
        raise InvalidValue("its name is no UTF-8: rename it") from None
    content = b"\0".join(
        (b"MLflow", owner_id.encode(), name, b"%d %d" % (status.st_size, status.st_mtime_ns))
    )
    return hashlib.sha256(content).hexdigest()[:32]
