"""Moves one logged model.

Its status is set last, so it says whether params and tags are there. Files are looked at each time:
an earlier import may have failed to read them, or have been told to leave them.
"""

import re
from typing import Final

from runstream.client import Client
from runstream.entities import LifecycleStage, LoggedModel, LoggedModelStatus
from runstream.errors import InvalidValue, NotFound
from runstream.importing.batches import send_pairs
from runstream.importing.entities import SourceModel
from runstream.importing.experiments import Target, time_of
from runstream.importing.files import FileMover
from runstream.importing.report import Report

__all__ = ["ModelMover"]

_MODEL_ID: Final = re.compile(r"m-[0-9a-f]{32}")


class ModelMover:
    """Moves logged models."""

    def __init__(self, client: Client, files: FileMover, report: Report) -> None:
        self._client = client
        self._files = files
        self._report = report

    def move(self, model: SourceModel, target: Target) -> None:
        """Moves a model into an experiment, or what an earlier import has left of it.

        Raises:
            InvalidValue: if the server cannot have a model of that id.
        """
        if _MODEL_ID.fullmatch(model.model_id) is None:
            raise InvalidValue("its id is not m- and 32 lower-case hexadecimal digits")
        stored = self._find(model.model_id)
        if stored is None or not _is_complete(model, stored):
            stored = self._create(model, target, stored)
            self._report.add(models=1)
        elif self._files.can_move(model.artifact_uri, model.artifact_folder):
            self._move_files(model, fresh=False)
        if model.deleted and stored.lifecycle_stage is LifecycleStage.ACTIVE:
            self._client.delete_logged_model(model.model_id)

    def _find(self, model_id: str) -> LoggedModel | None:
        try:
            return self._client.get_logged_model(model_id, allow_deleted=True, omit_metrics=True)
        except NotFound:
            return None

    def _create(
        self, model: SourceModel, target: Target, stored: LoggedModel | None
    ) -> LoggedModel:
        client, model_id = self._client, model.model_id
        fresh = stored is None
        if stored is None:
            target.open(client)
            stored = client.create_logged_model(
                experiment_id=target.experiment_id,
                model_id=model_id,
                name=model.name,
                model_type=model.model_type,
                source_run_id=model.source_run_id,
                create_time=time_of(model.create_time_ms),
            )
        send_pairs(
            model.params,
            lambda some: client.log_logged_model_params(model_id, some),
            lambda key, why: self._problem(model, f"param {key!r}: {why}"),
        )
        send_pairs(
            model.tags,
            lambda some: client.set_logged_model_tags(model_id, some),
            lambda key, why: self._problem(model, f"tag {key!r}: {why}"),
        )
        self._move_files(model, fresh=fresh)
        if model.status != LoggedModelStatus.PENDING or model.status_message:
            client.finalize_logged_model(model_id, model.status, message=model.status_message)
        return stored

    def _move_files(self, model: SourceModel, *, fresh: bool) -> None:
        self._files.move(
            model.artifact_uri, model.artifact_folder, model_id=model.model_id, fresh=fresh
        )

    def _problem(self, model: SourceModel, text: str) -> None:
        self._report.problem(f"model {model.model_id}: {text}")


def _is_complete(model: SourceModel, stored: LoggedModel) -> bool:
    return (
        model.status != LoggedModelStatus.PENDING
        and stored.status == model.status
        and dict(stored.params) == dict(model.params)
        and all(stored.tags.get(key) == value for key, value in model.tags.items())
    )
